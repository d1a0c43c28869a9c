"""Hashers: they turn records into bucket keys, and compute the similarity of a pair."""
