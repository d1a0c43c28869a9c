"""Seeded chance, and the typing errors it makes."""

from collections.abc import Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """Chance that is the same on every Python version."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self._random.random() < probability

    def below(self, count: int) -> int:
        """A whole number from 0 to count - 1."""
        return int(self._random.random() * count)

    def between(self, low: float, high: float) -> float:
        """A number from low to high."""
        return low + self._random.random() * (high - low)

    def pick(self, items: Sequence[T]) -> T:
        """One of the items."""
        return items[self.below(len(items))]

    def some(self, items: Sequence[T], count: int) -> list[T]:
        """`count` different items in chance order; all of them if there are fewer."""
        rest = list(items)
        return [rest.pop(self.below(len(rest))) for _ in range(min(count, len(rest)))]

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """All items in chance order."""
        return self.some(items, len(items))

    def typo(self, text: str) -> str:
        """`text` with one letter left out, doubled or swapped with the next one."""
        letters = [at for at, letter in enumerate(text[:-1]) if letter.isalpha() and at > 0]
        if not letters:
            return text
        at = self.pick(letters)
        a, b = text[at], text[at + 1]
        return text[:at] + self.pick((b, a + a + b, b + a)) + text[at + 2 :]
