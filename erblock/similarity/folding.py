"""Normalises text: case, accents, equivalent characters, and digits."""

import unicodedata

import polars as pl

# Small letters that Unicode case folding changes further, such as ß to ss. The Turkish İ becomes i and a
# combining dot, which is removed.
_FOLDS = {
    char: char.casefold()
    for char in map(chr, [*range(0x80, 0x2000), *range(0xFB00, 0xFB18)])
    if char == char.lower() != char.casefold()
} | {"i\u0307": "i"}
_DIGITS = {
    char: str(unicodedata.digit(char))
    for char in map(chr, [*range(0x80, 0x1C60), *range(0xA620, 0xABFA), *range(0xFF10, 0xFF1A)])
    if unicodedata.category(char) == "Nd"
} | {"\u066b": ".", "\u066c": ","}


# Latin letters that Unicode normalisation does not decompose.
_LETTERS = {
    "\u00f8": "o", "\u0142": "l", "\u0111": "d", "\u0131": "i", "\u00f0": "d", "\u0127": "h",
    "\u00e6": "ae", "\u0153": "oe", "\u00fe": "th",
}  # fmt: skip


def without_accents(texts: pl.Series, *, letters: bool = False) -> pl.Series:
    """Return texts without accents; with `letters`, small letters such as \u00f8 become their look-alikes."""
    if _is_ascii(texts):
        return texts
    plain = texts.str.normalize("NFKD").str.replace_all(r"\p{M}", "")
    return _replaced(plain, _LETTERS) if letters else plain


def composed(texts: pl.Series) -> pl.Series:
    """Return texts in which characters that mean the same are the same (NFKC)."""
    return texts if _is_ascii(texts) else texts.str.normalize("NFKC")


def case_folded(texts: pl.Series) -> pl.Series:
    """Return texts in which upper and lower case are the same."""
    lower = texts.str.to_lowercase()
    return lower if _is_ascii(lower) else _replaced(lower, _FOLDS)


def plain_digits(texts: pl.Series) -> pl.Series:
    """Return texts with every decimal digit replaced by that of ASCII."""
    return texts if _is_ascii(texts) else _replaced(texts, _DIGITS)


def _is_ascii(texts: pl.Series) -> bool:
    return bool((texts.str.len_bytes() == texts.str.len_chars()).all())


def _replaced(texts: pl.Series, folds: dict[str, str]) -> pl.Series:
    column = pl.col("text").str.replace_many([*folds], [*folds.values()])
    return texts.alias("text").to_frame().select(column).to_series().alias(texts.name)
