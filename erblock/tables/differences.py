"""Compares two values word by word."""


def differs(one: str, other: str) -> bool:
    """Return whether two values differ, case aside; False if one of them is missing."""
    return bool(one and other and one.casefold() != other.casefold())


def words_apart(value: str, other: str) -> list[tuple[str, bool]]:
    """Return, for each word of `value`, a pair: the word, and whether `other` lacks it (case aside)."""
    known = set(other.casefold().split())
    return [(word, word.casefold() not in known) for word in value.split()]
