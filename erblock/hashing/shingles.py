"""Hashes the words of texts, the 3-grams of these words, and codes.

A word is a run of letters and digits. Words joined only by `-/._`, at least one of them with a digit, are
also read as one code without the separators: `ab-12/x` gives `ab12x`. Every feature is stored with the number
of its word or code, and every word with the number of its column.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from erblock.hashing.parallel import ZERO, inner, njit
from erblock.tables.text import SEPARATOR

UInt8s = npt.NDArray[np.uint8]
UInt32s = npt.NDArray[np.uint32]
UInt64s = npt.NDArray[np.uint64]

_OTHER, _JOINER, _LETTER, _NUMBER, _SEPARATOR = 0, 1, 2, 3, 4
_SPACE = np.uint32(ord(" "))
_PRIME = np.uint32(0x01000193)
_FEATURES_PER_POINT = 2
"""Upper bound of the features per code point: a 3-gram, and its share of a word and a code."""


ROW_BITS, HASH_BITS, WORD_BITS = 13, 32, 19
"""Bits of a tagged feature, from the highest down: row of the text, hash, and number of the word."""

_MOST_WORDS = (1 << WORD_BITS) - 1
"""Highest number of a word; all later words of a text have this number."""


@dataclass(frozen=True)
class TaggedFeatures:
    """All features of some texts, each with the numbers of its row and word (`ROW_BITS`, ...).

    `columns[word_starts[row] + word]`: the number of the column of a word.
    """

    tagged: UInt64s
    word_starts: npt.NDArray[np.int64]
    columns: UInt8s


def tagged_features(texts: pl.Series, *, grams: bool = True) -> TaggedFeatures:
    """Return the features of every text; without `grams`, only words and codes.

    Raises:
        ValueError: if there are more texts than `ROW_BITS` can number.
    """
    if len(texts) > 1 << ROW_BITS:
        raise ValueError(f"expected at most {1 << ROW_BITS} texts, found {len(texts)}")
    points, starts = _code_points(texts)
    found = np.empty(_FEATURES_PER_POINT * len(points) + 1, dtype=np.uint64)
    word_starts = np.zeros(len(texts) + 1, dtype=np.int64)
    # A word takes at least one code point, and a code one more.
    columns = np.empty(2 * len(points) + 1, dtype=np.uint8)
    written = _write_features((points, _kinds(points)), starts, (found, word_starts, columns), grams)
    return TaggedFeatures(found[:written], word_starts, columns[: word_starts[-1]])


def _code_points(texts: pl.Series) -> tuple[UInt32s, npt.NDArray[np.int64]]:
    """Return (code points of all texts in one array, where each text begins there, then the end)."""
    starts = np.zeros(len(texts) + 1, dtype=np.int64)
    np.cumsum(texts.str.len_chars().to_numpy(), out=starts[1:])
    encoded = texts.str.join("").item().encode("utf-32-le")
    return np.frombuffer(encoded, dtype="<u4").astype(np.uint32), starts


def _kinds(points: UInt32s) -> UInt8s:
    """Return the kind of each code point: letter, digit, joiner of codes, or other."""
    present = np.concatenate([np.arange(128, dtype=np.uint32), np.unique(points[points >= 128])])
    signs = pl.Series([chr(point) for point in present.tolist()], dtype=pl.String)
    kinds = np.zeros(int(present[-1]) + 1, dtype=np.uint8)
    for kind, pattern in ((_JOINER, r"[-/._]"), (_LETTER, r"\p{L}"), (_NUMBER, r"\p{N}")):
        kinds[present[signs.str.contains(pattern).to_numpy()]] = kind
    kinds[ord(SEPARATOR)] = _SEPARATOR
    return kinds[points]


@njit
def _write_features(
    text: tuple[UInt32s, UInt8s],
    starts: npt.NDArray[np.int64],
    target: tuple[UInt64s, npt.NDArray[np.int64], UInt8s],
    grams: bool,
) -> int:
    """Write the features of each text, and the column of each of its words; return the number of features."""
    kinds = text[1]
    found, word_starts, columns = target
    n = words = ZERO
    for row in range(len(starts) - 1):
        word_starts[row] = words
        column = 0
        at, end = starts[row], starts[row + 1]
        while at < end:
            if kinds[at] == _SEPARATOR:
                column = min(column + 1, 255)
            if kinds[at] < _LETTER or kinds[at] == _SEPARATOR:
                at += 1
            else:
                stop = _chain_end(kinds, at, end)
                first = words - word_starts[row]
                n, more = _write_chain(text, (at, stop), (row, first), (found, n), grams)
                columns[words : words + more] = column
                words += more
                at = stop
    word_starts[len(starts) - 1] = words
    return n


@inner
def _is_of_word(kind: np.uint8) -> bool:
    return bool(_LETTER <= kind <= _NUMBER)


@inner
def _chain_end(kinds: UInt8s, at: int, end: int) -> int:
    """Return the end of the chain of words at `at`, which only joiners separate."""
    stop = at
    while at < end and (kinds[at] == _JOINER or _is_of_word(kinds[at])):
        at += 1
        if kinds[at - 1] != _JOINER:
            stop = at
    return stop


@inner
def _tag(row: int, word: int) -> np.uint64:
    """Return the bits around the hash of a feature of this word: its row and word numbers."""
    number = np.uint64(min(word, _MOST_WORDS))
    return (np.uint64(row) << np.uint64(HASH_BITS + WORD_BITS)) | number


@inner
def _write_chain(
    text: tuple[UInt32s, UInt8s],
    span: tuple[int, int],
    place: tuple[int, int],
    target: tuple[UInt64s, int],
    grams: bool,
) -> tuple[int, int]:
    """Write the features of a chain of words; return (features written so far, words of this chain).

    `place`: the row, and the number of the chain's first word. A code counts as one more word.
    """
    points, kinds = text
    found, n = target
    row, first = place
    begin, words, has_number = span[0], 0, False
    for at in range(span[0], span[1] + 1):
        if at < span[1] and kinds[at] != _JOINER:
            has_number = has_number or kinds[at] == _NUMBER
            continue
        if at > begin:
            tag = _tag(row, first + words)
            if grams:
                n = _write_grams(points[begin:at], tag, found, n)
            hashed = _word_hash(points[begin:at], kinds[begin:at])
            found[n] = tag | (np.uint64(hashed) << np.uint64(WORD_BITS))
            n, words = n + 1, words + 1
        begin = at + 1
    if words > 1 and has_number:
        whole = slice(span[0], span[1])
        hashed = _word_hash(points[whole], kinds[whole])
        found[n] = _tag(row, first + words) | (np.uint64(hashed) << np.uint64(WORD_BITS))
        n, words = n + 1, words + 1
    return n, words


@inner
def _write_grams(word: UInt32s, tag: np.uint64, found: UInt64s, n: int) -> int:
    """Write the 3-grams of a word with a space added at either end."""
    before = _SPACE
    for at in range(len(word)):
        after = word[at + 1] if at + 1 < len(word) else _SPACE
        gram = np.uint32(np.uint32(before * _PRIME ^ word[at]) * _PRIME ^ after)
        found[n + at] = tag | (np.uint64(_finish(gram)) << np.uint64(WORD_BITS))
        before = word[at]
    return n + len(word)


@inner
def _word_hash(points: UInt32s, kinds: UInt8s) -> np.uint32:
    """Return the hash of a word, or of a code without its joiners."""
    total, place = np.uint32(0), np.uint32(0)
    for at in range(len(points)):
        if kinds[at] != _JOINER:
            total = np.uint32(total + _finish(np.uint32(points[at] + _finish(place))))
            place = np.uint32(place + 1)
    return _finish(total)


@inner
def _finish(state: np.uint32) -> np.uint32:
    """Return a 32-bit mix of the value (the finaliser of MurmurHash3)."""
    state = np.uint32((state ^ (state >> np.uint32(16))) * np.uint32(0x85EBCA6B))
    state = np.uint32((state ^ (state >> np.uint32(13))) * np.uint32(0xC2B2AE35))
    return np.uint32(state ^ (state >> np.uint32(16)))
