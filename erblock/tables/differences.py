"""Compares two values word by word."""


def differs(one: str, other: str) -> bool:
    """Return whether two values differ. A missing value differs from none."""
    return bool(one and other and one.casefold() != other.casefold())


def words_apart(value: str, other: str) -> list[tuple[str, bool]]:
    """Return each word of `value`, and whether `other` lacks it."""
    known = set(other.casefold().split())
    return [(word, word.casefold() not in known) for word in value.split()]
