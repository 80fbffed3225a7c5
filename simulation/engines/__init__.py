"""The ways to run the same two apps, a file an engine, and what the in-process one is made of: its Grid and workers."""
