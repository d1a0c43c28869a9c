"""Compiles the numba kernels before the first run, by blocking and matching small made-up tables."""

import time
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from erblock.config import Config
from erblock.errors import ErblockError
from erblock.pipeline.block import block
from erblock.pipeline.match import match
from erblock.scoring.ranks import write_best

_RECORDS = 100


def warmup() -> float:
    """Compile the kernels of `block` and `match`, and keep them on disk; return the seconds that this took.

    Raises:
        ErblockError: if there is no writable folder for the kernels.
    """
    if write_best.stats.cache_path is None:  # type: ignore[attr-defined]  # each compiled function has it
        raise ErblockError(
            "expected a folder to keep compiled kernels in, found none that can be written to; "
            "set NUMBA_CACHE_DIR to one"
        )
    started = time.monotonic()
    with TemporaryDirectory() as folder:
        match(_blocked(Path(folder), ["left", "right"]))
        _blocked(Path(folder), ["left"])
    return time.monotonic() - started


def _blocked(folder: Path, names: list[str]) -> Config:
    """Block two equal tables, or one with near-duplicates; return the settings to match them."""
    tables = {name: str(folder / f"{name}.csv") for name in names}
    for path in tables.values():
        pl.concat([_records(0), _records(_RECORDS)] if len(names) == 1 else [_records(0)]).write_csv(path)
    pairs = str(folder / "pairs.parquet")
    matches = {"pairs": pairs, "output": str(folder / "matches.parquet")}
    config = Config.model_validate({"tables": tables, "block": {"output": pairs}, "match": matches})
    block(config)
    return config


def _records(first: int) -> pl.DataFrame:
    """Return records with ids from `first` on. Another `first` gives other prices."""
    numbers = range(_RECORDS)
    names = [f"series {i % 7} {i * 7919 % 99991} {i * 104729 % 99991}" for i in numbers]
    return pl.DataFrame(
        {"id": [first + i for i in numbers], "name": names, "price": [first + 9.5 + i for i in numbers]}
    )
