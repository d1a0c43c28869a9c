"""The place that a message about a rule points to."""

from dataclasses import dataclass
from typing import Literal, NoReturn

from erblock.errors import RuleError


@dataclass(frozen=True)
class Source:
    """The text of a rule and its place in the user's list."""

    kind: Literal["match", "conflict", "block_on"]
    number: int
    text: str

    @property
    def name(self) -> str:
        """The name in messages: of a rule, as "match rule 2", or of an exact key, as "block_on 1"."""
        return f"{self.kind} {self.number}" if self.kind == "block_on" else f"{self.kind} rule {self.number}"

    def fail(self, at: int, message: str) -> NoReturn:
        """Raise a RuleError that points at the offset `at` of the text.

        Raises:
            RuleError: always.
        """
        before = self.text[:at]
        line, column = before.count("\n") + 1, at - (before.rfind("\n") + 1) + 1
        place = f"line {line}, character {column}" if "\n" in self.text else f"character {column}"
        raise RuleError(f"{self.name}, {place}: {message}")
