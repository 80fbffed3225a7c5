"""Scenario files and what they name: data sets, partitions, models, seeds, the timeline."""
