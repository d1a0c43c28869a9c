"""How good a set of candidate pairs is, measured against known matches."""
