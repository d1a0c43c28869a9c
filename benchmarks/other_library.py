"""One other library on one pair of tables, in a process of its own: `other_libraries.py` starts it.

Reads left.csv and right.csv (none: one table) of a folder: `id`, the compared columns, and `text`, all of
them in one. Writes pairs.csv (left_id, right_id and, where the library ranks its pairs, score) and told.json:
seconds and peak memory. Every library is used as its own README does, and reads the same texts.

usage: other_library.py NAME FOLDER
"""

import csv
import json
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

NEIGHBOURS = 10

Pair = tuple[int, int, float | None]
Row = dict[str, str]


class Tables:
    """The rows of both tables; of one table, twice the same."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.one = not (folder / "right.csv").is_file()
        self.left = read(folder / "left.csv")
        self.right = self.left if self.one else read(folder / "right.csv")
        self.columns = [name for name in self.left[0] if name not in ("id", "text")]

    def texts(self) -> tuple[list[str], list[str]]:
        """Return the texts of both sides."""
        return [row["text"] for row in self.left], [row["text"] for row in self.right]

    def distinct(self, pairs: Iterable[Pair]) -> list[Pair]:
        """Return each pair once; of one table, the lower row first and none of a row with itself."""
        best: dict[tuple[int, int], float | None] = {}
        for left, right, score in pairs:
            key = (min(left, right), max(left, right)) if self.one else (left, right)
            if not (self.one and left == right):
                best[key] = (
                    score if best.get(key) is None or score is None else max(score, best[key] or score)
                )
        return [(left, right, score) for (left, right), score in best.items()]


def read(path: Path) -> list[Row]:
    """Return the rows of a CSV file."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def shingles(text: str) -> list[str]:
    """Return the distinct words of a text and their 3-grams."""
    tokens: set[str] = set()
    for word in re.findall(r"\w+", text.lower()):
        padded = f" {word} "
        tokens.update(padded[at : at + 3] for at in range(len(word)))
        tokens.add(padded)
    return sorted(tokens)


def datasketch(tables: Tables) -> Iterator[Pair]:
    """MinHashLSH of its README: 128 permutations, a threshold of 0.5."""
    from datasketch import MinHash, MinHashLSH

    index = MinHashLSH(threshold=0.5, num_perm=128)
    sides = [[[token.encode() for token in shingles(text)] for text in side] for side in tables.texts()]
    for number, sketch in enumerate(MinHash.generator(sides[0], num_perm=128)):
        index.insert(number, sketch)
    for right, sketch in enumerate(MinHash.generator(sides[1], num_perm=128)):
        yield from ((left, right, None) for left in index.query(sketch))


def rensa(tables: Tables) -> Iterator[Pair]:
    """R-MinHash with 128 slots; bands for the same threshold as datasketch's, 0.5."""
    from rensa import RMinHash, RMinHashLSH

    left, right = ([shingles(text) for text in side] for side in tables.texts())
    index = RMinHashLSH(0.5, 128, 32)
    index.insert_many(RMinHash.from_token_sets(left, 128, 42))
    for row, found in enumerate(index.query_all(RMinHash.from_token_sets(right, 128, 42))):
        yield from ((number, row, None) for number in found)


def faiss_flat(tables: Tables) -> Iterator[Pair]:
    """The ten nearest records by exact search over the vectors of all-MiniLM-L6-v2."""
    import faiss

    yield from neighbours(tables, faiss.IndexFlatIP)


def faiss_hnsw(tables: Tables) -> Iterator[Pair]:
    """The ten nearest records by HNSW with 32 links, over the same vectors."""
    import faiss

    yield from neighbours(tables, lambda width: faiss.IndexHNSWFlat(width, 32, faiss.METRIC_INNER_PRODUCT))


def neighbours(tables: Tables, make: Callable[[int], Any]) -> Iterator[Pair]:
    """Yield the nearest left records of each right one."""
    import numpy as np
    from sentence_transformers import SentenceTransformer

    encoder = SentenceTransformer(str(tables.folder / "encoder"), device="cpu")
    sides = tables.texts()[: 1 if tables.one else 2]
    vectors = [np.asarray(encoder.encode(texts, normalize_embeddings=True)) for texts in sides]
    left, right = vectors[0], vectors[-1]
    index = make(left.shape[1])
    index.add(left)
    scores, found = index.search(right, NEIGHBOURS + tables.one)
    for row in range(len(right)):
        yield from ((int(found[row, at]), row, float(scores[row, at])) for at in range(found.shape[1]))


def blockingpy(tables: Tables) -> Iterator[Pair]:
    """All pairs of a block, with the defaults: FAISS over shingles, one neighbour for each record."""
    import pandas as pd
    from blockingpy import Blocker

    left, right = tables.texts()
    sides = {"x": pd.Series(left)} if tables.one else {"x": pd.Series(left), "y": pd.Series(right)}
    found = Blocker().block(**sides).result
    for _, block in found.groupby("block"):
        rows = sorted({*block["x"], *block["y"]})
        others = rows if tables.one else sorted(set(block["y"]))
        yield from ((int(x), int(y), None) for x in (rows if tables.one else set(block["x"])) for y in others)


def pyjedai(tables: Tables) -> Iterator[Pair]:
    """Standard blocking, purging, filtering, weighted edge pruning, as in its tutorials."""
    import pandas as pd
    from pyjedai.block_building import StandardBlocking
    from pyjedai.block_cleaning import BlockFiltering, BlockPurging
    from pyjedai.comparison_cleaning import WeightedEdgePruning
    from pyjedai.datamodel import Data

    numbered = [pd.DataFrame({"id": map(str, range(len(side))), "text": side}) for side in tables.texts()]
    told: dict[str, Any] = {"dataset_1": numbered[0], "id_column_name_1": "id", "attributes_1": ["text"]}
    if not tables.one:
        told |= {"dataset_2": numbered[1], "id_column_name_2": "id", "attributes_2": ["text"]}
    data = Data(**told)
    blocks = StandardBlocking().build_blocks(data, tqdm_disable=True)
    blocks = BlockPurging().process(blocks, data, tqdm_disable=True)
    blocks = BlockFiltering(ratio=0.8).process(blocks, data, tqdm_disable=True)
    pruned = WeightedEdgePruning(weighting_scheme="EJS").process(blocks, data, tqdm_disable=True)
    first = 0 if tables.one else len(tables.left)
    for one, others in pruned.items():
        yield from ((min(one, other), max(one, other) - first, None) for other in others)


def splink(tables: Tables) -> Iterator[Pair]:
    """Equality of each column of many values, as in its quickstart; pairs only, nothing is scored."""
    import duckdb
    import splink.comparison_library as cl
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on

    # Nobody would block on a state, or a year, alone.
    telling = [
        name for name in tables.columns if len({row[name] for row in tables.left}) ** 2 > len(tables.left)
    ]
    connection = duckdb.connect()
    api = DuckDBAPI(connection)
    names = ("left",) if tables.one else ("left", "right")
    settings = SettingsCreator(
        link_type="dedupe_only" if tables.one else "link_only",
        unique_id_column_name="row",
        comparisons=[cl.ExactMatch(telling[0])],
        blocking_rules_to_generate_predictions=[block_on(column) for column in telling],
    )
    # An empty value is no value: no two records are alike for both having none.
    columns = ", ".join(f"nullif({column}, '') AS {column}" for column in telling)
    frames = []
    for name in names:
        file = tables.folder / f"{name}.csv"
        query = f"SELECT row_number() OVER () - 1 AS row, {columns} FROM read_csv('{file}', all_varchar=true)"
        frames.append(api.register(connection.sql(query), dataset_display_name=f"table_{name}"))
    found = Linker(
        frames[0] if tables.one else frames, settings
    ).inference.compute_blocked_pairs_for_predict()
    keys = found.as_duckdbpyrelation().project("join_key_l, join_key_r").fetchall()
    for left, right in keys:
        yield int(str(left).split("-__-")[-1]), int(str(right).split("-__-")[-1]), None


def goldenmatch(tables: Tables) -> Iterator[Pair]:
    """What it takes for matches, without a configuration; of two tables, by the first column, as its README.

    Without a configuration, 3.22 cannot link two tables of products ('DataFrame' has no 'to_pylist').
    """
    import goldenmatch as gm

    if tables.one:
        found = gm.dedupe(str(tables.folder / "plain-left.csv"))
        yield from ((int(left), int(right), float(score)) for left, right, score in found.scored_pairs)
        return
    files = [str(tables.folder / f"plain-{side}.csv") for side in ("left", "right")]
    found = gm.match(*files, fuzzy={tables.columns[0]: 0.85})
    # Rows of the second file are numbered on from those of the first.
    first = len(tables.left)
    for row in found.matched.to_pylist():
        yield int(row["__target_row_id__"]), int(row["__ref_row_id__"]) - first, float(row["__match_score__"])


LIBRARIES: Mapping[str, tuple[str, Callable[[Tables], Iterator[Pair]]]] = {
    "datasketch": ("datasketch", datasketch),
    "rensa": ("rensa", rensa),
    "FAISS, flat": ("faiss-cpu", faiss_flat),
    "FAISS, HNSW": ("faiss-cpu", faiss_hnsw),
    "BlockingPy": ("blockingpy", blockingpy),
    "pyJedAI": ("pyjedai", pyjedai),
    "Splink": ("splink", splink),
    "GoldenMatch": ("goldenmatch", goldenmatch),
}


def main(name: str, folder: Path) -> None:
    """Run one library and write its pairs."""
    package, other = LIBRARIES[name]
    tables = Tables(folder)
    started = time.monotonic()
    found = list(other(tables))
    seconds = time.monotonic() - started
    pairs = tables.distinct(found)
    ranked = bool(pairs) and pairs[0][2] is not None
    if ranked:
        pairs.sort(key=lambda pair: (-(pair[2] or 0.0), pair[:2]))
    with (folder / "pairs.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["left_id", "right_id", "score"])
        for left, right, score in pairs:
            writer.writerow([tables.left[left]["id"], tables.right[right]["id"], score or 0])
    facts = {"version": version(package), "seconds": seconds, "peak": peak(), "ranked": ranked}
    (folder / "told.json").write_text(json.dumps(facts))


def peak() -> int:
    """Return the most bytes that this process has held."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
