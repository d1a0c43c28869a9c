"""Comparison vectors: what two records say of each other, column by column, and what it weighs."""
