"""Similarity rules: parsed, evaluated on pairs of records, turned into training triplets."""
