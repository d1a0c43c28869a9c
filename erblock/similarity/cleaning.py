"""Functions that normalise values inside a similarity, for columns that are written in many ways.

Every function takes a column of text (missing values are null) and returns a column of the same length, null
where a value contains nothing of the kind.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import polars as pl

from erblock.errors import require_extra
from erblock.similarity.folding import case_folded, composed, plain_digits, without_accents
from erblock.similarity.values import dates, folded, words

_YEAR = r"^(1[5-9]\d\d|20\d\d)$"
_DOMAIN = r"[^\s@]@([^\s@<>,;]+\.[^\s@<>,;.]+)\.?>?\s*$"
_EXTRA = "values"


def digits(values: pl.Series) -> pl.Series:
    """The digits alone."""
    return _non_empty(plain_digits(composed(values)).str.replace_all(r"[^0-9]+", ""))


def compact(values: pl.Series) -> pl.Series:
    """Letters and digits alone, without blanks, punctuation and case."""
    return _non_empty(folded(values).str.replace_all(r"[^\p{L}\p{M}\p{N}]+", ""))


def fold(values: pl.Series) -> pl.Series:
    """The text without case, accents and characters that nobody sees."""
    return folded(without_accents(case_folded(values.str.replace_all(r"\p{Cf}", "")), letters=True))


def year(values: pl.Series) -> pl.Series:
    """The year of a date, or the only year from 1500 to 2099 in a text."""
    text = plain_digits(values)
    known = dates(text).dt.year().cast(pl.String)
    numbers = text.str.extract_all(r"\d+").list.eval(pl.element().filter(pl.element().str.contains(_YEAR)))
    alone = numbers.list.first().set((numbers.list.len() != 1).fill_null(value=True), None)
    return known.zip_with(known.is_not_null(), alone)


def domain(values: pl.Series) -> pl.Series:
    """The part of an e-mail address behind the @, in lower case."""
    return case_folded(values).str.extract(_DOMAIN)


def phone(values: pl.Series, region: str | None) -> pl.Series:
    """The international form of a phone number; one without + is of the country that is given."""
    from phonenumbers import NumberParseException, PhoneNumberFormat, format_number, is_possible_number, parse

    def international(text: str) -> str | None:
        try:
            number = parse(text, region)
        except NumberParseException:
            return None
        return format_number(number, PhoneNumberFormat.E164) if is_possible_number(number) else None

    return _of_each(values, international)


def metaphone(values: pl.Series) -> pl.Series:
    """How the words sound in English (Metaphone), without vowels and silent letters."""
    from jellyfish import metaphone as sound

    def sounds(text: str) -> str | None:
        return " ".join(filter(None, map(sound, text.split()))) or None

    plain = words(fold(values)).list.join(" ").str.replace_all(r"[^a-z ]", "")
    return _of_each(plain, sounds)


@dataclass(frozen=True)
class ValueFunction:
    """A function of one column. `package`: a package that it needs. `option`: an example of its option."""

    name: str
    apply: Callable[..., pl.Series]
    example: str
    package: str | None = None
    option: str | None = None

    @property
    def summary(self) -> str:
        """The first line of the function's docstring."""
        return (self.apply.__doc__ or "").strip().splitlines()[0]

    @property
    def call(self) -> str:
        """The call as a rule writes it."""
        option = "" if self.option is None else f", '{self.option}'"
        return f"{self.name}({self.example}{option})"

    def check_installed(self) -> None:
        """Raise MissingExtraError if the package of the function is not installed."""
        if self.package is not None:
            require_extra(self.package, _EXTRA)

    def options(self) -> frozenset[str]:
        """Return the options that the function accepts."""
        if self.option is None:
            return frozenset()
        from phonenumbers import SUPPORTED_REGIONS

        return frozenset(SUPPORTED_REGIONS)


@dataclass(frozen=True)
class Applied:
    """A function and its option, as a rule applies them."""

    name: str
    option: str | None = None

    def __call__(self, values: pl.Series) -> pl.Series:
        """Return a column with the function applied to its values."""
        function = VALUE_FUNCTIONS[self.name]
        return function.apply(values) if function.option is None else function.apply(values, self.option)

    def around(self, column: str) -> str:
        """Return the call on a column as a rule writes it."""
        return f"{self.name}({column})" if self.option is None else f"{self.name}({column}, '{self.option}')"


def _non_empty(values: pl.Series) -> pl.Series:
    return values.set(values == "", None)


def _of_each(values: pl.Series, function: Callable[[str], str | None]) -> pl.Series:
    """Return the function of every value; it is computed once for equal values."""
    known = values.drop_nulls().unique()
    found = pl.Series([function(text) for text in known], dtype=pl.String)
    return values.replace_strict(known, found, default=None, return_dtype=pl.String)


_FUNCTIONS = (
    ValueFunction("digits", digits, "phone"),
    ValueFunction("compact", compact, "postcode"),
    ValueFunction("fold", fold, "name"),
    ValueFunction("year", year, "date"),
    ValueFunction("domain", domain, "email"),
    ValueFunction("phone", phone, "phone", "phonenumbers", "GB"),
    ValueFunction("metaphone", metaphone, "name", "jellyfish"),
)

VALUE_FUNCTIONS: Mapping[str, ValueFunction] = {function.name: function for function in _FUNCTIONS}
