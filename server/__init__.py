"""The Flower ServerApp: planning, exchange, rules, evaluation and the journal."""
