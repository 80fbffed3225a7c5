"""The console script, and `python -m simulation` where that is not on the path."""

import sys


def main() -> None:
    """`cli.main`, also for a Ctrl-C that comes while its imports, which take a moment, are still under way."""
    try:
        from simulation.cli import main as play
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        sys.exit(1)
    play()


if __name__ == "__main__":
    main()
