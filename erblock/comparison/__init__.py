"""Comparison vectors, which compare two records column by column, and the evidence that weighs them."""
