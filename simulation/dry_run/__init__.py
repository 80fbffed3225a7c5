"""The dry run behind `fedcrucible check`: what is planned and what budgets will make of it, without training."""
