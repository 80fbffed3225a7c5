"""The ways to run the same two apps. One file an engine."""
