"""In what two values differ, word by word."""


def differs(one: str, other: str) -> bool:
    """Return whether two values contradict each other; one that is missing contradicts nothing."""
    return bool(one and other and one.casefold() != other.casefold())


def words_apart(value: str, other: str) -> list[tuple[str, bool]]:
    """Return the words of `value`, and of each whether `other` lacks it."""
    known = set(other.casefold().split())
    return [(word, word.casefold() not in known) for word in value.split()]
