"""Tables that the profile and the proposals are tried on: made up here, seeded, with known twins."""

import random

import polars as pl
import pytest

SYLLABLES = [
    "ka",
    "lo",
    "mi",
    "ren",
    "sto",
    "var",
    "bel",
    "tur",
    "nis",
    "gor",
    "ful",
    "dex",
    "pra",
    "zim",
    "hol",
]


def word(rng, parts=3):
    return "".join(rng.choices(SYLLABLES, k=parts))


def typo(rng, text):
    at = rng.randrange(len(text))
    return text[:at] + text[at + 1 :]


@pytest.fixture
def products():
    """Two shops: names with model numbers, a description, prices that are mostly missing."""
    rng = random.Random(1)
    left, right = [], []
    for number in range(400):
        brand, model = (
            rng.choice(["acme", "bolt", "corex", "dyna"]),
            f"{word(rng, 1)}{rng.randint(100, 9999)}x",
        )
        name = f"{brand} {word(rng)} {word(rng, 2)}"
        price = f"${rng.randint(5, 900)}.{rng.randint(10, 99)}"
        text = " ".join(word(rng, 2) for _ in range(25))
        left.append((str(number), f"{name} {model}", text, price if rng.random() < 0.4 else None))
        right.append((f"r{number}", f"{brand}, {word(rng, 2)} {name[5:]} ({model})", text[:40], price))
    names = ["id", "name", "description", "price"]
    return tuple(pl.DataFrame(rows, schema=names, orient="row") for rows in (left, right))


@pytest.fixture
def citations():
    """Two libraries: long titles, authors, a venue with few values, a year."""
    rng = random.Random(2)
    left, right = [], []
    for number in range(400):
        title = " ".join(word(rng, 2) for _ in range(7))
        authors = ", ".join(f"{word(rng, 1)} {word(rng)}" for _ in range(3))
        venue, year = rng.choice(["VLDB", "SIGMOD", "ICDE"]), str(rng.randint(1990, 2009))
        left.append((str(number), title, authors, venue, year))
        right.append(
            (f"x{number}", title, authors, f"proc. of {venue}", year if rng.random() < 0.6 else None)
        )
    names = ["id", "title", "authors", "venue", "year"]
    return tuple(pl.DataFrame(rows, schema=names, orient="row") for rows in (left, right))


@pytest.fixture
def people():
    """One register: every person twice, with typing errors and missing values; houses hold many people."""
    rng = random.Random(3)
    first, last = [word(rng, 2) for _ in range(40)], [word(rng) for _ in range(120)]
    streets = [(f"{word(rng)} road", f"{rng.randint(1000, 9999)}") for _ in range(60)]
    rows = []
    for _ in range(600):
        street, postcode = rng.choice(streets)
        born = f"{rng.randint(1930, 2005)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"
        person = [rng.choice(first), rng.choice(last), born, street, postcode, rng.choice("mf")]
        for copy in (person, list(person)):
            for at in range(5):
                if rng.random() < 0.1:
                    copy[at] = None if rng.random() < 0.5 else typo(rng, copy[at])
            rows.append((f"p{len(rows)}", *copy))
    names = ["id", "given_name", "surname", "born", "street", "postcode", "sex"]
    return pl.DataFrame(rows, schema=names, orient="row")
