"""The pairs to judge: how they are drawn, and what the judge sees."""

import json

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from erblock.blocking.audit import AuditScope, draw_audit, write_audit
from erblock.blocking.budget import Budget, cut
from erblock.scoring.estimate import ExpectedMatches
from erblock.tables.read import ColumnPair, Records, TablePair
from erblock.tables.sheet import harmless

NO_CURVE = ExpectedMatches(None)


@pytest.fixture(scope="module")
def many(scored):
    """Scored pairs of two tables of 40 records, all 1,600."""
    generator = np.random.default_rng(0)
    left, right = np.divmod(np.arange(1600), 40)
    return scored(left, right, generator.uniform(0.1, 0.9, 1600), (40, 40))


def names(sample):
    return [sample.strata[number].name for number in sample.stratum]


@pytest.mark.parametrize("budget", [Budget(max_pairs=100), Budget(max_per_record=3)])
def test_strata_are_where_they_say(many, budget):
    kept = cut(many, budget, NO_CURVE)
    sample = draw_audit(many, kept, 50)
    place = np.empty(len(many), dtype=np.int64)
    place[kept.kept] = np.arange(len(kept.kept))
    lost = kept.order[~np.isin(kept.order, kept.kept)]
    place[lost] = np.arange(len(lost))
    for name, position in zip(names(sample), sample.positions, strict=True):
        assert name.startswith("kept") == (position in kept.kept)
        assert (place[position] < 40) == name.endswith(("best", "next"))
    assert sum(stratum.pairs for stratum in sample.strata) == len(many)
    assert [stratum.drawn for stratum in sample.strata] == [15, 5, 25, 5]


@given(st.data(), st.integers(10, 60), st.integers(1, 40))
def test_as_many_as_asked_for_or_all_there_are(any_scored, data, size, most):
    pairs = data.draw(any_scored())
    kept = cut(pairs, Budget(max_pairs=most), NO_CURVE)
    assume(len(pairs) > 0)
    sample = draw_audit(pairs, kept, size)
    assert len(sample.positions) == len(np.unique(sample.positions)) == min(size, len(pairs))
    weights = sum(sample.strata[number].weight for number in sample.stratum)
    assert weights == pytest.approx(len(pairs))
    assert all(1 <= stratum.drawn <= stratum.pairs for stratum in sample.strata)


def test_within_a_stratum_every_pair_is_as_likely(many):
    kept = cut(many, Budget(max_pairs=100), NO_CURVE)
    drawn = np.zeros(len(many))
    for seed in range(400):
        drawn[draw_audit(many, kept, 50, seed).positions] += 1
    best = drawn[kept.kept[:40]]
    assert best.sum() == 400 * 15
    # 150 expected of each; the standard deviation is below 10.
    assert best.min() > 105
    assert best.max() < 195


def test_the_order_does_not_tell_which_were_kept(many):
    sample = draw_audit(many, cut(many, Budget(max_pairs=100), NO_CURVE), 50)
    kept = [name.startswith("kept") for name in names(sample)]
    assert 3 <= sum(kept[:25]) <= 17


@pytest.fixture
def tables():
    """Two tables whose columns go by different names, with values that a spreadsheet would compute."""
    frames = [
        pl.DataFrame({"id": [f"{side}{n:02}" for n in range(40)], name: values, "x": range(40)})
        for side, name, values in (
            ("l", "name", ["=1+1", "-5.20", "n/a", "+cmd", "two\nlines", *["plain"] * 35]),
            ("r", "title", ["Müller"] * 40),
        )
    ]
    columns = (ColumnPair("name", "title"), ColumnPair("x", "x"))
    return TablePair(Records(frames[0], "l.csv"), Records(frames[1], "r.csv"), columns)


def test_the_sheet_shows_both_records_and_not_the_stratum(many, tables, tmp_path):
    sheet = tmp_path / "pairs.audit.csv"
    sample = draw_audit(many, cut(many, Budget(max_pairs=1599), NO_CURVE), 1600)
    write_audit(sheet, tables, many, sample, AuditScope(tmp_path / "pairs.csv", 3, 4))
    frame = pl.read_csv(sheet, infer_schema=False)
    assert frame.columns == [
        *("match", "pair", "left_id", "right_id", "left.name", "right.title", "left.x", "right.x")
    ]
    assert set(frame["match"].fill_null("")) == {""}
    shown = dict(frame.select("left_id", "left.name").rows())
    assert [shown[f"l{n:02}"] for n in range(6)] == [" =1+1", "-5.20", None, " +cmd", "two lines", "plain"]
    assert sheet.read_bytes().startswith(b"\xef\xbb\xbf")
    key = json.loads((tmp_path / "pairs.audit.json").read_text(encoding="utf-8"))
    assert (key["pairs_file"], key["pruned"], key["unseen"]) == ("pairs.csv", 3, 4)
    ids = [(row["left_id"], row["right_id"]) for row in key["rows"]]
    assert ids == frame.select("left_id", "right_id").rows()
    lost = [row for row in key["rows"] if not key["strata"][row["stratum"]]["kept"]]
    assert len(lost) == 1


@pytest.mark.parametrize("id_", ["=1+1", "@SUM(1)", "\t=1", "\uff1d1+1", "-1-1", "+cmd"])
def test_ids_that_a_spreadsheet_would_compute_are_guarded_and_read_back(id_):
    frame = pl.DataFrame({"id": [id_, "-5", "a=b"]})
    shown = frame.select(harmless(pl.col("id")))["id"].to_list()
    assert shown == [f" {id_}", "-5", "a=b"]
