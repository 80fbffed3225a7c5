"""What the benchmarks share: timing side by side, whole runs of the engines, and the loops they are held against."""
