"""`python -m simulation` is the command line, where the console script is not on the path."""

from simulation.cli import main

main()
