"""What a judged sheet says: bounds that hold, and sheets that were edited."""

import numpy as np
import polars as pl
import pytest

from erblock.errors import TableError
from erblock.evaluation.audit import StratumCounts, audited_recall, read_audit
from erblock.tables.sheet import SheetKey, SheetRow, Stratum, key_path

NAMES = ("kept, the best", "kept, the rest", "cut off, the next", "cut off, the rest")


def stratum(place, pairs, drawn):
    return Stratum(name=NAMES[place], kept=place < 2, far=place == 3, pairs=pairs, drawn=drawn)


def tally(place, pairs, drawn, matches, others=None):
    return StratumCounts(stratum(place, pairs, drawn), matches, drawn - matches if others is None else others)


# Pairs and matches of the four strata: steep rankings and flat ones, small tables and large.
POPULATIONS = {
    "steep": ((1000, 9000, 1000, 75_000), (930, 61, 1, 0)),
    "flat": ((1000, 1000, 1000, 5000), (500, 100, 100, 50)),
    "hopeless": ((300, 300, 300, 3000), (30, 30, 30, 300)),
    "small": ((40, 20, 40, 60), (35, 2, 6, 1)),
    "many to many": ((1000, 9000, 1000, 3000), (1000, 5000, 200, 300)),
    "nothing beyond": ((1000, 0, 500, 0), (800, 0, 50, 0)),
}
DRAWN = (15, 5, 25, 5)


@pytest.mark.parametrize("name", POPULATIONS)
def test_the_bounds_hold_in_at_least_95_of_100_audits(name):
    pairs, matches = POPULATIONS[name]
    used = [place for place in range(4) if pairs[place]]
    generator = np.random.default_rng(1)
    held = {"low": 0, "high": 0, "near": 0}
    for _ in range(200):
        tallies = [
            tally(
                place,
                pairs[place],
                DRAWN[place],
                int(
                    generator.hypergeometric(
                        matches[place], pairs[place] - matches[place], min(DRAWN[place], pairs[place])
                    )
                ),
            )
            for place in used
        ]
        whole, near = audited_recall(tallies), audited_recall([t for t in tallies if not t.stratum.far])
        held["low"] += whole.low <= sum(matches[:2]) / sum(matches)
        held["high"] += whole.high >= sum(matches[:2]) / sum(matches)
        held["near"] += near.low <= sum(matches[:2]) / sum(matches[:3]) <= near.high
        assert whole.value is None or whole.low <= whole.value <= whole.high
    assert min(held.values()) >= 0.95 * 200


def test_a_bound_on_one_stratum_is_that_of_clopper_and_pearson():
    # Without a single match among n, the rate is below 1 - risk^(1/n).
    low, high = tally(2, 1000, 25, 0).bounds(0.05)
    assert low == 0
    assert high == pytest.approx(1000 * (1 - 0.05 ** (1 / 25)))
    low, high = tally(0, 1000, 15, 15).bounds(0.05)
    assert low == pytest.approx(1000 * 0.05 ** (1 / 15))
    assert high == 1000


def test_what_was_seen_bounds_too():
    assert tally(0, 10, 10, 7).bounds(0.05) == (7, 7)
    every = audited_recall([tally(0, 10, 10, 6), tally(2, 10, 10, 2)])
    assert (every.low, every.value, every.high) == (0.75, 0.75, 0.75)


def test_fifty_judgements_are_worth_saying():
    steep = [tally(0, 1000, 15, 15), tally(1, 9000, 5, 0), tally(2, 1000, 25, 0), tally(3, 75_000, 5, 0)]
    assert audited_recall(steep[:3]).low > 0.8
    assert audited_recall(steep).low < 0.1  # what five pairs cannot speak for is not hidden


def test_more_judgements_raise_the_bound():
    lows = [audited_recall([tally(0, 1000, n, n), tally(2, 1000, n, 0)]).low for n in (10, 20, 40, 80)]
    assert lows == sorted(set(lows))


def test_a_match_that_was_cut_off_lowers_it():
    lows = [audited_recall([tally(0, 1000, 15, 15), tally(2, 1000, 25, n)]).low for n in range(5)]
    assert lows == sorted(set(lows), reverse=True)


def test_an_unjudged_pair_is_the_worst_it_can_be():
    kept, lost = tally(0, 1000, 15, 12), tally(2, 1000, 25, 0)
    worst = audited_recall([kept, tally(2, 1000, 25, 3)])
    assert audited_recall([kept, tally(2, 1000, 25, 0, 22)]).low == worst.low
    worst = audited_recall([tally(0, 1000, 15, 10), lost])
    assert audited_recall([tally(0, 1000, 15, 10, 3), lost]).low == worst.low


def test_without_any_match_nothing_is_estimated():
    found = audited_recall([tally(0, 1000, 15, 0), tally(2, 1000, 25, 0)])
    assert (found.value, found.low, found.high) == (None, 0, 1)


@pytest.fixture
def sheet(tmp_path):
    """A judged sheet of four pairs and its key; ids as spreadsheets like to spoil them."""
    rows = [("1", "007", "123456789012", 0), ("2", "b", "x", 0), ("3", "c", "y", 1), ("4", "d", "z", 1)]
    key = SheetKey(
        pairs_file="pairs.csv",
        pruned=1,
        unseen=2,
        strata=(stratum(0, 10, 2), stratum(2, 20, 2)),
        rows=tuple(SheetRow(pair=int(n), left_id=i, right_id=j, stratum=s, weight=1) for n, i, j, s in rows),
    )
    path = tmp_path / "pairs.audit.csv"
    key_path(path).write_text(key.model_dump_json())
    frame = pl.DataFrame(
        {
            "match": ["y", "n", "n", "y"],
            "pair": [row[0] for row in rows],
            "left_id": [row[1] for row in rows],
            "right_id": [row[2] for row in rows],
            "left.name": ["Müller", "b", "c", "d"],
        }
    )
    frame.write_csv(path)
    return path


def edited(path, change):
    change(pl.read_csv(path, infer_schema=False)).write_csv(path)
    return path


def counts(report):
    return [(tally.matches, tally.others) for tally in report.tallies]


def test_a_judged_sheet_is_counted_by_stratum(sheet):
    report = read_audit(sheet)
    assert counts(report) == [(1, 1), (1, 1)]
    assert report.whole.value == pytest.approx(5 / (5 + 10))


@pytest.mark.parametrize(
    ("yes", "no"), [("Y", "N"), (" yes ", "No"), ("1", "0"), ("TRUE", "False")], ids=["y", "yes", "1", "true"]
)
def test_answers_may_be_written_in_many_ways(sheet, yes, no):
    answers = pl.col("match").replace({"y": yes, "n": no})
    assert counts(read_audit(edited(sheet, lambda frame: frame.with_columns(answers)))) == [(1, 1), (1, 1)]


def test_a_spreadsheet_may_save_it_its_own_way(sheet):
    ids = {"left_id": {"007": "7"}, "right_id": {"123456789012": "1.23457E+11"}}
    frame = pl.read_csv(sheet, infer_schema=False).reverse()
    frame = frame.with_columns(pl.col(side).replace(changes) for side, changes in ids.items())
    text = frame.drop("left.name").write_csv(separator=";") + ";;;\n"
    sheet.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert counts(read_audit(sheet)) == [(1, 1), (1, 1)]


def test_an_empty_answer_is_unjudged(sheet):
    report = read_audit(
        edited(sheet, lambda frame: frame.with_columns(match=pl.Series(["y", None, "", "n"])))
    )
    assert counts(report) == [(1, 0), (0, 1)]
    assert [tally.judged for tally in report.tallies] == [1, 1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.with_columns(match=pl.lit("")), "none of its 4 pairs is judged"),
        (lambda f: f.with_columns(match=pl.lit("maybe")), "row 1: 'match' must be y, n.*found 'maybe'"),
        (lambda f: f.drop("match"), "no column 'match'"),
        (lambda f: f.rename({"left_id": "left"}), "no column 'left_id'"),
        (lambda f: f.with_columns(pair=pl.lit("9")), "row 1: this sheet has no pair '9'"),
        (lambda f: f.with_columns(pair=pl.lit("x")), "row 1: this sheet has no pair 'x'"),
        (lambda f: f.with_columns(pair=pl.lit("1.5")), "row 1: this sheet has no pair '1.5'"),
        (
            lambda f: f.with_columns(right_id=pl.lit("8")),
            "row 1: pair 1 was drawn with right_id '123456789012'",
        ),
        (lambda f: f.with_columns(pl.col("left_id").reverse()), "row 1: pair 1 was drawn with left_id '007'"),
        (lambda f: pl.concat([f, f[:1]]), "row 5: the pair 1 is repeated"),
        (lambda f: f[1:], "1 of its 4 rows are missing, first pair 1"),
    ],
)
def test_an_edited_sheet_is_told_in_one_line(sheet, change, message):
    with pytest.raises(TableError, match=message) as raised:
        read_audit(edited(sheet, change))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("text", [None, "", "{}", '{"format": 1}'])
def test_without_its_key_a_sheet_says_nothing(sheet, text):
    key_path(sheet).unlink() if text is None else key_path(sheet).write_text(text)
    with pytest.raises(TableError, match=r"pairs\.audit\.json") as raised:
        read_audit(sheet)
    assert "\n" not in str(raised.value)
