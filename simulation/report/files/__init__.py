"""What the files of runs and sweeps say, read into values that a page can rely on, whoever wrote them."""
