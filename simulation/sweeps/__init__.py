"""Sweeps: a scenario at every point of a grid, side by side over the cores, and what they show together."""
