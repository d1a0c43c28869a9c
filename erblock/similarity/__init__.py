"""Similarities of two columns: prepared once per record, compared per pair."""

from erblock.similarity.cleaning import VALUE_FUNCTIONS, Applied
from erblock.similarity.strings import Compare, Rows, Scores
from erblock.similarity.vocabulary import VOCABULARY, Cost, Measure, Option

__all__ = [
    "VALUE_FUNCTIONS",
    "VOCABULARY",
    "Applied",
    "Compare",
    "Cost",
    "Measure",
    "Option",
    "Rows",
    "Scores",
]
