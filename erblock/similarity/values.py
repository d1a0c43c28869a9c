"""Makes column values comparable: folded text, words, codes, numbers, dates, sound codes.

Every function takes a column of text (missing values are null) and returns a column of the same length, null
where there is nothing to compare.
"""

import polars as pl

from erblock.similarity.folding import case_folded, composed, plain_digits

# 500gb, 1080p and 12mp contain digits but are sizes, which many different products share.
UNITS = (
    "gb|mb|tb|kb|gig|hz|khz|mhz|ghz|kw|watts?|w|volts?|v|mah|amps?|a|mp|p|i|k|x|mm|cm|m|km|ft|feet|inch(?:es)?|in"
    "|oz|lbs?|g|kg|ml|l|gal|cc|ct|pc|pcs|pk|pack|bit|fps|rpm|dpi|cd|btu|db|mbps|gbps|th|st|nd|rd|s|year|yr|hour|hr|min"
)
_SIZE = rf"^[\d.,x]+(?:{UNITS})$"
_ORDERS = ("%d-%m-%Y", "%m-%d-%Y")
_GROUP = r"[ \u{a0}\u{202f}\u{2007}\u{2009}'\u{2019}]"
_FIRST_NUMBER = (
    rf"(?:(\d{{1,3}}(?:{_GROUP}\d{{3}})+(?:[.,]\d+)?)(?:[^\d.,]|[.,](?:\D|$)|$)|(\d(?:[\d.,]*\d)?))"
)
_SCIENTIFIC = r"^\s*[-+]?((?:\d+(?:\.\d*)?|\.\d+)[eE][-+]?\d{1,3})\s*$"
_EXPONENT = r"^\D*(\d+(?:\.\d+)?[eE][-+]\d{1,3}|\d+\.\d+[eE]\d{1,3})(?:\W|$)"
_PLAIN_NUMBER = r"^[0-9]{1,15}(?:\.[0-9]{1,15})?$"
_TOO_LARGE = 1e300  # so that differences of numbers stay finite
_SOUNDS = {
    "[AEIOUY]": "0",
    "[BFPV]+": "1",
    "[CGJKQSXZ]+": "2",
    "[DT]+": "3",
    "L+": "4",
    "[MN]+": "5",
    "R+": "6",
}


def _non_empty(values: pl.Series) -> pl.Series:
    return values.set(values == "", None)


def folded(values: pl.Series) -> pl.Series:
    """Return lower-case text with single spaces."""
    text = plain_digits(case_folded(composed(values))).str.replace_all(r"\s{2,}|[^\S ]", " ")
    return _non_empty(text.str.strip_chars())


def worded(values: pl.Series) -> pl.Series:
    """Return lower-case text in which everything but letters and digits is a space."""
    text = folded(values).str.replace_all(r"[^\p{L}\p{M}\p{N}]+", " ")
    return _non_empty(text.str.strip_chars())


def run_together(values: pl.Series) -> pl.Series:
    """Return the first 200 letters and digits of each value, in lower case."""
    return _non_empty(folded(values).str.replace_all(r"[^\p{L}\p{M}\p{N}]+", "").str.slice(0, 200))


def words(values: pl.Series) -> pl.Series:
    """Return the list of words of each value."""
    return worded(values).str.split(" ")


def codes(values: pl.Series) -> pl.Series:
    """Return the list of codes of each value: tokens with a digit, hyphens, dots and underscores folded away.

    A code has four characters or more (five if all are digits) and is not a size such as 500gb.
    """
    tokens = folded(values).str.extract_all(r"[\p{L}\p{N}]+(?:[-._][\p{L}\p{N}]+)*")
    token = pl.element().str.replace_all(r"[-._]", "")
    keep = (token.str.len_chars() >= 4) & token.str.contains(r"\d") & ~token.str.contains(r"^\d{4}$|" + _SIZE)
    return tokens.list.eval(token.filter(keep))


def grams(values: pl.Series, size: int) -> pl.Series:
    """Return the list of character n-grams of each value, of length `size`; a shorter value is one n-gram."""
    text = pl.col("text")
    start = pl.int_ranges(0, (text.str.len_chars().cast(pl.Int64) - size + 1).clip(lower_bound=1))
    frame = pl.DataFrame({"text": folded(values)}).with_row_index("row")
    pieces = frame.drop_nulls().with_columns(start=start).explode("start", empty_as_null=True)
    lists = pieces.group_by("row").agg(text.str.slice(pl.col("start"), size))
    return frame.select("row").join(lists, on="row", how="left", maintain_order="left")["text"]


def numbers(values: pl.Series) -> pl.Series:
    """Return the first number in each value, as in "$1,299.00", "1.299,00 EUR", "1 299,00" or "4.5 kg".

    Thousands are grouped by commas, points, apostrophes or blanks of any kind. A single comma before exactly
    three digits groups thousands; a single point is always decimal. A value that may be several numbers, or
    none, such as "1.2.3", gives null, and so do numbers of 300 digits and more.
    """
    # Most values of a column of numbers are plain, and need none of the patterns.
    others = (~values.str.contains(_PLAIN_NUMBER)).arg_true()
    return values.cast(pl.Float64, strict=False).scatter(others, _written_numbers(values.gather(others)))


def _written_numbers(values: pl.Series) -> pl.Series:
    text = pl.col("text").str.replace_all(r"(^|[^\w.,])\.(\d)", "${1}0.${2}")
    found = text.str.extract_groups(_FIRST_NUMBER)
    # A float as programs write it; other text such as "12e4" may be the name of a model.
    scientific = pl.coalesce(text.str.extract(_SCIENTIFIC), text.str.extract(_EXPONENT))
    grouped = found.struct[0].str.replace_all(_GROUP, "").str.replace(",", ".", literal=True)
    plain = pl.coalesce(scientific, grouped, _decimal(found.struct[1])).cast(pl.Float64, strict=False)
    plain = pl.when(plain < _TOO_LARGE).then(plain)
    negative = text.str.contains(r"^(?:[^\d]*[\s(])?[-\u{2212}][$€£¥\s]*\d")
    frame = pl.DataFrame({"text": plain_digits(values)})
    return frame.select(pl.when(negative).then(-plain).otherwise(plain).alias("text"))["text"]


def _decimal(raw: pl.Expr) -> pl.Expr:
    """Return digits with points and commas as a plain decimal number; null where they make no number."""
    is_decimal = raw.str.contains(r"^\d+,\d+$") & ~raw.str.contains(r"^\d{1,3},\d{3}$")
    by_point = raw.str.contains(r"^\d{1,3}(?:\.\d{3}){2,}$|^\d{1,3}(?:\.\d{3})+,\d+$")
    by_comma = raw.str.contains(r"^\d{1,3}(?:,\d{2,3})*,\d{3}(?:\.\d+)?$")
    return (
        pl.when(raw.str.contains(r"^\d+(?:\.\d+)?$")).then(raw)
        .when(is_decimal).then(raw.str.replace(",", ".", literal=True))
        .when(by_point).then(raw.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True))
        .when(by_comma).then(raw.str.replace_all(",", "", literal=True))
    )  # fmt: skip


def dates(values: pl.Series, month_first: bool | None = None) -> pl.Series:
    """Return each value as a date.

    Known forms: 1999-03-04 (also with / or . and with a time), 19990304, 4 March 1999, Mar 4, 1999. In
    04/03/1999 the order of day and month is the one that more values of the column allow, else day first.
    `month_first`: this order, if it is known; needed if `values` are only a part of the column.
    """
    text = _plain_dates(values)
    orders = [_as_date(text, form) for form in _ORDERS]
    if orders[1].count() > orders[0].count() if month_first is None else month_first:
        orders.reverse()
    forms = ["%Y-%m-%d", "%Y%m%d", "%d-%b-%Y", "%d-%B-%Y", "%b-%d-%Y", "%B-%d-%Y"]
    return pl.select(pl.coalesce([*(_as_date(text, form) for form in forms), *orders])).to_series()


def date_orders(values: pl.Series) -> tuple[int, int]:
    """Return how many values can be read as dates with the day first, and with the month first."""
    text = _plain_dates(values)
    day_first, month_first = (_as_date(text, form).count() for form in _ORDERS)
    return day_first, month_first


def _plain_dates(values: pl.Series) -> pl.Series:
    """Return the values without a time, and with one kind of separator."""
    plain = values.str.replace(r"[T ]+\d{1,2}:.*$", "").str.replace_all(r"[./,\s-]+", "-")
    return plain.str.strip_chars("-")


def _as_date(text: pl.Series, form: str) -> pl.Series:
    # Without the length check polars reads "5-06-1999" as the year 5.
    year_first = form.startswith("%Y")
    whole = text.str.contains(r"^\d{4}" if year_first else r"(?:^|\D)\d{4}$")
    return text.set(~whole, None).str.to_date(form, strict=False)


def sounds(values: pl.Series) -> pl.Series:
    """Return the American Soundex code of each word, joined by spaces (https://en.wikipedia.org/wiki/Soundex)."""
    frame = pl.DataFrame({"text": words(values)}).with_row_index("row")
    long = frame.explode("text", empty_as_null=True).with_columns(code=soundex(pl.col("text")))
    joined = long.group_by("row", maintain_order=True).agg(pl.col("code").drop_nulls().str.join(" "))
    return _non_empty(frame.select("row").join(joined, on="row", how="left", maintain_order="left")["code"])


def soundex(word: pl.Expr) -> pl.Expr:
    """Return the Soundex code of a word, null if it has no Latin letter."""
    plain = word.str.normalize("NFKD").str.to_uppercase().str.replace_all(r"[^A-Z]", "")
    first = plain.str.slice(0, 1)
    # H and W do not separate equal sounds; as the first letter, they are treated as a vowel.
    digits = first.str.replace("[HW]", "A") + plain.str.slice(1).str.replace_all("[HW]", "")
    for letters, digit in _SOUNDS.items():
        digits = digits.str.replace_all(letters, digit)
    tail = digits.str.slice(1).str.replace_all("0", "").str.slice(0, 3)
    return pl.when(plain != "").then(first + tail.str.pad_end(3, "0"))
