"""How good the model is: on held-out records, by experience, and over a whole stream."""
