"""Tables and ids that no stage can take as they are: read as text, or one line of an error."""

import datetime as dt
from decimal import Decimal

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import erblock

SIZE = 20
IDS = list(range(SIZE))
NAMES = [f"blue chair {i // 2} A{i // 2}00" for i in IDS]
PLAIN = pl.DataFrame({"id": IDS, "name": NAMES})
GOLD = pl.DataFrame({"left_id": IDS, "right_id": IDS})


def arrow(values):
    return pa.table({"id": IDS, "name": NAMES, "odd": values})


@pytest.mark.parametrize(
    "values",
    [
        pa.array([pa.MonthDayNano([1, i, 3]) for i in IDS]),
        pa.array([[pa.MonthDayNano([1, i, 3])] for i in IDS]),
        pa.array([Decimal(i) for i in IDS], pa.decimal256(50, 3)),
        pa.RunEndEncodedArray.from_arrays(pa.array([SIZE], pa.int32()), pa.array([1])),
        pa.UnionArray.from_sparse(pa.array([0] * SIZE, pa.int8()), [pa.array(IDS), pa.array(NAMES)]),
    ],
    ids=["interval", "list of intervals", "decimal256", "run-end encoded", "union"],
)
def test_a_column_that_polars_has_no_type_for_is_text(values):
    table = arrow(values)
    assert erblock.block(table, with_columns=True)["left.odd"].dtype == pl.String
    assert erblock.block(table, block_on=["odd"]).height > 0


def test_a_relation_with_intervals_is_read():
    relation = duckdb.sql(
        "SELECT i AS id, 'blue chair ' || i AS name, INTERVAL 1 DAY AS odd FROM range(20) t(i)"
    )
    assert erblock.block(relation, with_columns=True)["left.odd"][0] == "0 1 0"


@pytest.mark.parametrize("odd", ["'infinity'::DATE", "'-infinity'::TIMESTAMP", "'infinity'::TIMESTAMPTZ"])
def test_a_date_beyond_the_calendar_is_missing(odd, tmp_path):
    relation = duckdb.sql(f"SELECT i AS id, 'blue chair ' || i AS name, {odd} AS odd FROM range(20) t(i)")
    relation.to_parquet(str(tmp_path / "t.parquet"))
    for table in (relation, tmp_path / "t.parquet"):
        pairs = erblock.block(table, with_columns=True, block_on=["odd"])
        assert pairs["left.odd"].null_count() == pairs.height


def test_dates_of_the_calendar_are_as_they_were():
    dates = pl.Series([dt.date.min, dt.date.max, None, *[dt.date(2020, 1, 1)] * (SIZE - 3)])
    times = dates.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    table = PLAIN.with_columns(day=dates, time=times)
    pairs = erblock.block(table, with_columns=True)
    for name in ("day", "time"):
        found = pairs.select(id="left_id", value=f"left.{name}").join(table, on="id")
        assert found["value"].eq_missing(found[name]).all()


def no_utf8():
    offsets = np.arange(2, dtype=np.int32)
    text = pa.Array.from_buffers(
        pa.string(), 1, [None, pa.py_buffer(offsets.tobytes()), pa.py_buffer(b"\xff")]
    )
    return pa.table({"id": [1], "name": text})


def fails():
    return duckdb.sql(
        "SELECT i AS id, CASE WHEN i = 15 THEN error('boom') ELSE 'x' END AS name FROM range(20) t(i)"
    )


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: erblock.block(no_utf8()), "<left> cannot be converted to Arrow"),
        (lambda: erblock.block(fails()), "boom"),
        (lambda: erblock.block(pl.scan_parquet("none.parquet")), "none.parquet"),
        (lambda: erblock.block(pd.DataFrame({"id": IDS, "name": [1j] * SIZE})), "<left> cannot be converted"),
        (lambda: erblock.block(pd.DataFrame({"id": [10**30] * 2, "name": NAMES[:2]})), "<left> cannot be"),
        (lambda: erblock.block(PLAIN, model=PLAIN), "--model: expected text"),
        (
            lambda: erblock.block(PLAIN, max_pairs=True),
            "--max-pairs: expected another type than true or false, found True",
        ),
        (lambda: erblock.evaluate(None, GOLD, PLAIN), "<pairs>: expected a path, or a table"),
        (lambda: erblock.evaluate(GOLD, None, PLAIN), "<gold>: expected a path, or a table"),
        (lambda: erblock.check(None, PLAIN), "<pairs>: expected a path, or a table"),
        (lambda: erblock.match(PLAIN, PLAIN.clone(), pairs=None), "<pairs>: expected a path, or a table"),
        (lambda: erblock.why((1,), PLAIN), "ids: expected the ids of two records, found (1,)"),
        (lambda: erblock.why(None, PLAIN), "ids: expected the ids of two records, found None"),
    ],
)
def test_mistakes_are_one_line(call, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(erblock.ErblockError) as raised:
        call()
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("odd", [pl.concat_list("left_id"), pl.struct("left_id")], ids=["list", "structure"])
def test_ids_that_hold_others_are_none_of_the_tables(odd):
    pairs = GOLD.with_columns(odd.alias("left_id"))
    for call in (
        lambda: erblock.match(PLAIN, PLAIN.clone(), pairs=pairs),
        lambda: erblock.evaluate(GOLD, pairs, PLAIN, PLAIN.clone()),
        lambda: erblock.block(PLAIN, PLAIN.clone(), must_pairs=pairs),
    ):
        with pytest.raises(erblock.ErblockError, match=r"row 1: left_id '.*' cannot be an id of the table"):
            call()
