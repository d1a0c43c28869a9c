"""Writes a sketch as the table of keys (KEYS): a row per record and band, in Parquet, for any engine."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from erblock.hashing.base import Progress, Sketch, silent
from erblock.tables.schemas import KEYS

if TYPE_CHECKING:
    import pyarrow as pa

MODEL_KEY = "erblock.model"
"""The entry of a Parquet file's metadata that holds the digest of the model."""

_BUCKET_SHIFT = np.uint64(32)


def band_keys(ids: pl.Series, sketch: Sketch, band: int) -> pl.DataFrame:
    """Return the KEYS of one band in the order of the records, without records that have nothing to hash.

    The bucket is the upper half of the sketch's bucket, as in the join of this package.
    """
    keys = sketch.keys(band)
    frame = pl.DataFrame(
        {
            "record_id": ids.gather(keys.rows),
            "band": np.full(len(keys.rows), band, dtype=np.uint16),
            "bucket": keys.buckets >> _BUCKET_SHIFT,
        }
    )
    return KEYS.check(frame)


def write_keys(
    ids: pl.Series, sketch: Sketch, path: Path, metadata: Mapping[str, str], on_progress: Progress = silent
) -> int:
    """Write the KEYS of all bands to `path`, a row group for each band; return the number of rows."""
    import pyarrow.parquet as pq

    rows = 0
    schema = _arrow(band_keys(ids, sketch, 0)).schema.with_metadata(dict(metadata))
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for band in range(sketch.bands):
            keys = _arrow(band_keys(ids, sketch, band)).cast(schema)
            writer.write_table(keys, row_group_size=max(keys.num_rows, 1))
            rows += keys.num_rows
            on_progress("keys", band + 1, sketch.bands)
    return rows


def _arrow(frame: pl.DataFrame) -> "pa.Table":
    # Some other engines read only the oldest Arrow types.
    return frame.to_arrow(compat_level=pl.CompatLevel.oldest())
