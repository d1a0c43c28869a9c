"""Measures candidate pairs, matches and clusters against known matches and limits."""
