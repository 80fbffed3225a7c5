"""The mathematics of privacy in numpy and torch: ledgers, noise, encryption, envelopes. Knows nothing of Flower."""
