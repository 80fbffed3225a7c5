"""Lower bounds and attacks beside the ledger's upper bound: mathematics alone, vector in, figures out."""
