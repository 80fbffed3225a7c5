"""A round: who is asked for what, what travels, what becomes of it, and what is written down of each client."""
