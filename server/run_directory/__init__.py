"""The run directory: its files, how a run begins and ends in it, and how it goes on after a kill."""
