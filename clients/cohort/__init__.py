"""Training many clients at once: their parameters stacked, one pass for all of them."""
