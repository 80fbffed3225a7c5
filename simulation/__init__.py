"""Engines, command line, run directories and reports: everything that runs a federation on one machine."""
