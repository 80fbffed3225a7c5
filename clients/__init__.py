"""The Flower ClientApp: a client's memory, its policy and its local training."""
