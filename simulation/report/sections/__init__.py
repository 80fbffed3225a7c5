"""What a page says of a run, part by part: sentences, figures, tables, and exhibits to draw."""
