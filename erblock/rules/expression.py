"""A parsed rule: a tree of a few frozen node types.

    truth    And Or Not Compare, or a Call of a measure that gives true or false
    value    Call Column Number Text Arithmetic

`at` is the offset of the node in the rule's text, for messages. It does not count for equality, so equal
calls in different rules are one measure.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from erblock.rules.source import Source
from erblock.similarity import Applied

Side: TypeAlias = Literal["left", "right", "both"]


@dataclass(frozen=True)
class Column:
    """A column of the left table, of the right table, or the same column of both.

    `functions`: functions applied to its values, innermost first.
    """

    side: Side
    name: str
    functions: tuple[Applied, ...] = ()
    at: int = field(default=0, compare=False)

    def __str__(self) -> str:
        text = self.name if self.side == "both" else f"{self.side}.{self.name}"
        for function in self.functions:
            text = function.around(text)
        return text


@dataclass(frozen=True)
class Call:
    """A measure of the vocabulary, applied to one column pair."""

    name: str
    columns: tuple[Column, ...]
    option: float | None = None
    at: int = field(default=0, compare=False)

    def __str__(self) -> str:
        option = [] if self.option is None else [f"{self.option:g}"]
        return f"{self.name}({', '.join([*map(str, self.columns), *option])})"


@dataclass(frozen=True)
class Number:
    """A constant number."""

    value: float


@dataclass(frozen=True)
class Text:
    """A constant text."""

    value: str


@dataclass(frozen=True)
class Arithmetic:
    """Two numbers joined by + - * or /."""

    operator: str
    first: "Value"
    second: "Value"


@dataclass(frozen=True)
class Compare:
    """Two values compared by = != < <= > or >=; `as_text` compares folded texts, else numbers."""

    operator: str
    first: "Value"
    second: "Value"
    as_text: bool


@dataclass(frozen=True)
class Not:
    """True if the item is false; unknown stays unknown."""

    item: "Node"


@dataclass(frozen=True)
class And:
    """False if some item is false, else unknown if some item is unknown, else true."""

    items: tuple["Node", ...]


@dataclass(frozen=True)
class Or:
    """True if some item is true, else unknown if some item is unknown, else false."""

    items: tuple["Node", ...]


Value: TypeAlias = Call | Column | Number | Text | Arithmetic
Node: TypeAlias = And | Or | Not | Compare | Call


@dataclass(frozen=True)
class Rule:
    """One rule of the user's list: its place and its condition."""

    source: Source
    root: Node

    @property
    def kind(self) -> Literal["match", "conflict", "block_on"]:
        """Whether this is a match rule or a conflict rule."""
        return self.source.kind


def children(node: Node | Value) -> tuple[Node | Value, ...]:
    """Return the nodes directly below this one."""
    match node:
        case And(items) | Or(items):
            return items
        case Not(item):
            return (item,)
        case Compare(_, first, second) | Arithmetic(_, first, second):
            return (first, second)
        case _:
            return ()


def walk(node: Node | Value) -> Iterator[Node | Value]:
    """Yield the node and all nodes below it."""
    yield node
    for child in children(node):
        yield from walk(child)
