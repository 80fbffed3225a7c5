"""Scenarios that come with the project; `fedcrucible list` shows them with their questions."""
