"""Two tables of products with known matches, of any size: `generate.py ROWS FOLDER [--seed N]`.

Drawn to be as uneven as real tables: words and makers follow Zipf's law, models come in families whose names
differ in their code alone, and values are missing. Half of the records of a table have a match in the other:
words are misspelt, left out, swapped and added, codes written with and without a hyphen. Writes left.parquet,
right.parquet and gold.parquet; the same rows and seed give the same tables.
"""

import argparse
import random as standard
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

SYLLABLES = [a + b + c for a in "bcdfglmnprstvz" for b in "aeiou" for c in ("", "l", "n", "r", "st")]
LETTERS = "abcdefghjkmnprstvwxz"
WORDS, MAKERS, SPELLINGS = 60_000, 3_000, 6
NAME_WORDS = 4
MATCHED = 0.5

Ids = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Products:
    """What products are: numbers of words, 0 for none, (products, 4); of the maker and the code; prices."""

    words: Ids
    makers: Ids
    codes: Ids
    prices: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Habits:
    """How a table is written: the share of words written wrong, and of values that are missing."""

    careless: float
    missing: float


LEFT, RIGHT = Habits(careless=0.03, missing=0.1), Habits(careless=0.12, missing=0.4)


def main() -> None:
    options = arguments()
    options.folder.mkdir(parents=True, exist_ok=True)
    for name, frame in zip(("left", "right", "gold"), tables(options.rows, options.seed), strict=True):
        frame.write_parquet(options.folder / f"{name}.parquet")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Two tables of products with known matches.")
    parser.add_argument("rows", type=int, help="records of either table")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def tables(rows: int, seed: int = 0) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Return the left and the right table, and the matches."""
    random = np.random.default_rng(seed)
    matched = int(MATCHED * rows)
    products = drawn(2 * rows - matched, random)
    sides = []
    for name, first, habits in (("l", 0, LEFT), ("r", rows - matched, RIGHT)):
        numbers = pl.Series("id", random.permutation(rows)).cast(pl.String)
        frame = written(products, slice(first, first + rows), habits, random)
        sides.append(frame.select((name + numbers).alias("id"), pl.all()))
    both = {"left_id": sides[0]["id"].tail(matched), "right_id": sides[1]["id"].head(matched)}
    left, right = (side.sort("id") for side in sides)
    return left, right, pl.DataFrame(both).sort("left_id")


def drawn(count: int, random: np.random.Generator) -> Products:
    """Return products, of which those of a family differ in code and price."""
    families = max(1, count // 3)
    words = zipf(random, WORDS, (families, NAME_WORDS))
    words[random.random(words.shape) < np.linspace(0, 0.6, NAME_WORDS)] = 0
    # The most common family of a million products has about two thousand.
    family = (families * random.random(count) ** 2).astype(np.int64)
    prefix = random.integers(0, len(LETTERS) ** 2, families)
    return Products(
        words[family],
        zipf(random, MAKERS, families)[family],
        prefix[family] * 10_000 + random.integers(0, 10_000, count),
        np.exp(random.normal(4.0, 1.2, count)),
    )


def zipf(random: np.random.Generator, most: int, shape: int | tuple[int, ...]) -> Ids:
    """Return numbers from 1 to `most`, of which k has a probability of about 1 / k."""
    return np.floor(np.exp(random.random(shape) * np.log(most))).astype(np.int64)


def written(products: Products, rows: slice, habits: Habits, random: np.random.Generator) -> pl.DataFrame:
    """Return these products as records: name, maker, price."""
    size = rows.stop - rows.start

    def happens(share: float) -> npt.NDArray[np.bool_]:
        return random.random(size) < share

    names = spelt(products.words[rows], WORDS, habits, random)
    makers = spelt(products.makers[rows, None], MAKERS, habits, random)
    code = coded(products.codes[rows], happens(0.3))
    code = code.set(pl.Series(happens(habits.missing / 4)), None)
    extra = spelt(zipf(random, WORDS, (size, 1)), WORDS, habits, random)[0]
    extra = extra.set(pl.Series(~happens(habits.careless)), None)
    price = pl.Series(np.round(products.prices[rows] * np.exp(random.normal(0, 0.03, size)), 2))
    order = [makers[0], *names, code, extra]
    swapped = [makers[0], names[1], names[0], *names[2:], code, extra]
    frame = pl.DataFrame({"swap": happens(habits.careless), "maker": makers[0], "price": price})
    name = [
        pl.concat_str([pl.lit(part) for part in parts], separator=" ", ignore_nulls=True)
        for parts in (swapped, order)
    ]
    return frame.select(
        pl.when("swap").then(name[0]).otherwise(name[1]).alias("name"),
        *(
            pl.when(pl.Series(~happens(habits.missing))).then(column).alias(column)
            for column in ("maker", "price")
        ),
    )


def spelt(numbers: Ids, most: int, habits: Habits, random: np.random.Generator) -> list[pl.Series]:
    """Return the columns of words of these numbers, some misspelt, some left out; null for none."""
    known = spellings(most)
    wrong = random.random(numbers.shape) < habits.careless
    variants = np.where(wrong, random.integers(1, SPELLINGS, numbers.shape), 0)
    left_out = (numbers == 0) | (random.random(numbers.shape) < habits.careless / 2)
    places = np.where(left_out, 0, (numbers - 1) * SPELLINGS + variants + 1)
    return [known.gather(pl.Series(column)) for column in places.T]


def spellings(most: int) -> pl.Series:
    """Return null, then for every word its right spelling and five wrong ones."""
    random = standard.Random(most)
    lines: list[str | None] = [None]
    for _ in range(most):
        word = "".join(random.choices(SYLLABLES, k=random.choice((2, 2, 3, 3, 4))))
        lines += [word, *(misspelt(word, random) for _ in range(SPELLINGS - 1))]
    return pl.Series(lines)


def misspelt(word: str, random: standard.Random) -> str:
    """Return the word with a letter left out, doubled, changed, or two swapped."""
    at = random.randrange(len(word) - 1)
    kept, one, two, rest = word[:at], word[at], word[at + 1], word[at + 2 :]
    return kept + random.choice((two, one + one + two, random.choice(LETTERS) + two, two + one)) + rest


def coded(numbers: Ids, hyphen: npt.NDArray[np.bool_]) -> pl.Series:
    """Return codes such as kx1234, or kx-1234."""
    letters = pl.Series([one + two for one in LETTERS for two in LETTERS])
    parts = pl.DataFrame({"letters": letters.gather(numbers // 10_000), "hyphen": hyphen})
    dash = pl.when("hyphen").then(pl.lit("-")).otherwise(pl.lit(""))
    digits = pl.Series(numbers % 10_000).cast(pl.String).str.zfill(4)
    return parts.select(pl.concat_str("letters", dash, digits)).to_series()


if __name__ == "__main__":
    main()
