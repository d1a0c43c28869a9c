"""Matching: candidate pairs to matches and entities, with few labels or none."""
