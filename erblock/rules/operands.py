"""Reads and checks the operands of a rule: columns, constants, arithmetic and calls of the vocabulary."""

from collections.abc import Mapping
from dataclasses import replace
from math import inf, isfinite
from typing import NoReturn, cast

from sqlglot import exp

from erblock.config import did_you_mean
from erblock.rules.expression import Arithmetic, Call, Column, Number, Side, Text, Value
from erblock.rules.source import Source
from erblock.rules.tokens import SqlTree, start_of
from erblock.similarity import VALUE_FUNCTIONS, VOCABULARY, Applied, Measure
from erblock.similarity.cleaning import ValueFunction

COMPARISONS: Mapping[type, str] = {
    exp.EQ: "=", exp.NEQ: "!=", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">=",
}  # fmt: skip
_ARITHMETIC: Mapping[type, str] = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/"}


class OperandReader:
    """Converts sqlglot's nodes for values to expression nodes, or raises a RuleError."""

    def __init__(self, source: Source) -> None:
        self.source = source

    def value(self, tree: SqlTree) -> Value:
        """Return the value node of one side of a comparison."""
        match tree:
            case exp.Paren():
                return self.value(tree.this)
            case exp.Literal():
                return Text(tree.this) if tree.is_string else self._constant(tree)
            case exp.Neg():
                inner = self.value(tree.this)
                return (
                    Number(-inner.value) if isinstance(inner, Number) else Arithmetic("-", Number(0), inner)
                )
            case _ if _is_column(tree):
                return self.column(tree)
            case exp.Anonymous():
                return self._numeric_call(tree)
            case _:
                return self._arithmetic(tree)

    def _constant(self, tree: SqlTree) -> Number:
        try:
            number = float(tree.this)
        except ValueError:
            number = inf
        if not isfinite(number):
            self.fail(tree, f"expected a number, found {tree.this}")
        return Number(number)

    def _arithmetic(self, tree: SqlTree) -> Value:
        if type(tree) in COMPARISONS:
            self.fail(tree, "comparisons cannot be chained; write x BETWEEN low AND high, or use AND")
        if type(tree) not in _ARITHMETIC:
            self.fail(tree, f"expected a value, found {shown(tree)}")
        return Arithmetic(_ARITHMETIC[type(tree)], self._number(tree.this), self._number(tree.expression))

    def _number(self, tree: SqlTree) -> Value:
        value = self.value(tree)
        if isinstance(value, Text):
            self.fail(tree, f"expected a number, found the text '{value.value}'")
        return value

    def _numeric_call(self, tree: SqlTree) -> Call:
        call = self.call(tree)
        if VOCABULARY[call.name].gives == "truth":
            example = VOCABULARY[call.name].call
            self.fail(tree, f"{call.name} is true or false already; write {example} or NOT {example}")
        return call

    def call(self, tree: SqlTree) -> Call:
        """Return the call of a measure."""
        name, at = str(tree.this).lower(), start_of(tree)
        if name in VALUE_FUNCTIONS:
            call = VALUE_FUNCTIONS[name].call
            self.source.fail(at, f"{name} gives a value; compare it, as in exact({call})")
        if name not in VOCABULARY:
            known = [*VOCABULARY, *VALUE_FUNCTIONS]
            hint = did_you_mean(name, known) or f"; the functions are {', '.join(known)}"
            self.source.fail(at, f"no function '{tree.this}'{hint}")
        return self.checked_call(name, tree.expressions, at)

    def checked_call(self, name: str, arguments: list[SqlTree], at: int) -> Call:
        """Return the call of a measure, after a check of its columns and its option."""
        measure = VOCABULARY[name]
        columns = tuple(self.column(item) for item in arguments if _is_column(item))
        rest = arguments[len(columns) :]
        if any(_is_column(item) for item in rest):
            self.source.fail(at, f"columns come first: {measure.call}")
        self._check_columns(measure, columns, rest, at)
        return Call(
            name, tuple(sorted(columns, key=lambda column: column.side)), self._option(measure, rest, at), at
        )

    def _check_columns(
        self, measure: Measure, columns: tuple[Column, ...], rest: list[SqlTree], at: int
    ) -> None:
        if not columns:
            found = f"found {shown(rest[0])}" if rest else "found nothing"
            name = str(rest[0].this) if rest and isinstance(rest[0], exp.Anonymous) else ""
            hint = did_you_mean(name, list(VALUE_FUNCTIONS)) if name else ""
            self.source.fail(at, f"{measure.name} needs a column, as in {measure.call}; {found}{hint}")
        sides = sorted(column.side for column in columns)
        if sides in (["both"], ["left", "right"]) or (measure.name == "is_null" and len(sides) == 1):
            return
        name = columns[-1].name
        self.source.fail(
            columns[-1].at,
            f"{measure.name} compares one column of both tables, {measure.name}({name}), or one of each, "
            f"{measure.name}(left.{columns[0].name}, right.{name})",
        )

    def _option(self, measure: Measure, rest: list[SqlTree], at: int) -> float | None:
        option = measure.option
        if option is None or len(rest) > 1:
            if rest:
                self.source.fail(at, f"too many arguments for {measure.call}; found {shown(rest[-1])}")
            return None
        if not rest:
            return option.default
        value = self.value(rest[0]) if isinstance(rest[0], exp.Literal | exp.Neg) else None
        if not isinstance(value, Number) or not option.accepts(value.value):
            kind = "a whole number" if option.whole else "a number"
            expected = f"{option.name} must be {kind} from {option.low:g} to {option.high:g}"
            self.fail(rest[0], f"{measure.call}: {expected}, found {shown(rest[0])}")
        return value.value

    def column(self, tree: SqlTree) -> Column:
        """Return a column with its table and the functions applied to its values."""
        if _is_column(tree) and isinstance(tree, exp.Anonymous):
            return self._cleaned(tree)
        if not isinstance(tree, exp.Column):
            self.fail(tree, f"expected a column, found {shown(tree)}")
        side, name, at = tree.table.lower(), tree.name, start_of(tree)
        if side not in ("", "left", "right") or tree.db:
            self.source.fail(at, f"the tables are called left and right, found {shown(tree)}")
        return Column(cast(Side, side or "both"), name, at=at)

    def _cleaned(self, tree: SqlTree) -> Column:
        """Return a column with a function of values applied."""
        name, at, arguments = str(tree.this).lower(), start_of(tree), tree.expressions
        function = VALUE_FUNCTIONS[name]
        if (
            not arguments
            or not _is_column(arguments[0])
            or len(arguments) > 1 + (function.option is not None)
        ):
            found = ", ".join(map(shown, arguments)) or "nothing"
            self.source.fail(at, f"{name} is written {function.call}, found {found}")
        function.check_installed()
        column, rest = self.column(arguments[0]), arguments[1:]
        option = self._value_option(function, rest[0]) if rest else None
        return replace(column, functions=(*column.functions, Applied(name, option)))

    def _value_option(self, function: ValueFunction, tree: SqlTree) -> str:
        text, known = str(tree.this), function.options()
        if not isinstance(tree, exp.Literal) or text not in known:
            hint = did_you_mean(text, sorted(known)) if isinstance(tree, exp.Literal) else ""
            self.fail(tree, f"{function.call}: expected a country of two letters, found {tree.sql()}{hint}")
        return text

    def fail(self, tree: SqlTree, message: str) -> NoReturn:
        """Raise a RuleError that points at `tree`."""
        self.source.fail(start_of(tree), message)


def _is_column(tree: SqlTree) -> bool:
    """Return whether a tree is a column, with or without a function of values."""
    if isinstance(tree, exp.Anonymous):
        return str(tree.this).lower() in VALUE_FUNCTIONS
    return isinstance(tree, exp.Column)


def shown(tree: SqlTree) -> str:
    """Return a part of the rule in the form that messages show."""
    if isinstance(tree, exp.Literal) and tree.is_string:
        return f"the text '{tree.this}' (a column is written without quotes or in double quotes)"
    return (
        tree.sql().lower()
        if isinstance(tree, exp.Null | exp.Boolean)
        else tree.sql(normalize_functions="lower")
    )
