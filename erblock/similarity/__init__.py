"""Similarities of two columns: prepared once per record, compared per pair."""

from erblock.similarity.strings import Compare, Rows, Scores
from erblock.similarity.vocabulary import VOCABULARY, Cost, Measure, Option

__all__ = ["VOCABULARY", "Compare", "Cost", "Measure", "Option", "Rows", "Scores"]
