"""Hashers: what turns records into bucket keys, and scores a pair exactly."""
