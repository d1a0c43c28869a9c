"""Blocking: bucket keys joined to candidate pairs, scored, ranked and cut to a budget."""
