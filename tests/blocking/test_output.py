"""Pairs with the user's ids, as files."""

import polars as pl
import pytest

from erblock.blocking.budget import Budget, cut
from erblock.blocking.output import check_output, pairs_frame, write_frame
from erblock.errors import OutputError, TableError
from erblock.scoring.estimate import ExpectedMatches

FRAME = pl.DataFrame({"left_id": ["007", "b"], "right_id": [1, 2], "score": [0.5, 0.25]})


def test_pairs_have_the_ids_of_their_tables_best_first(scored):
    pairs = scored([0, 1, 2], [2, 1, 0], [0.3, 0.9, 0.6], (3, 3))
    kept = cut(pairs, Budget(), ExpectedMatches(None))
    frame = pairs_frame(pl.Series(["007", "b", "ç"]), pl.Series([10, 20, 30]), pairs, kept)
    assert frame.schema == {
        "left_id": pl.String,
        "right_id": pl.Int64,
        "score": pl.Float32,
        "similarity": pl.Float32,
        "n_bands": pl.UInt16,
    }
    ids = {0: ("007", 30), 1: ("b", 20), 2: ("ç", 10)}
    assert frame.select("left_id", "right_id").rows() == [ids[at] for at in kept.kept.tolist()]
    assert frame["score"].to_list() == kept.scores.tolist()


@pytest.mark.parametrize("name", ["pairs.parquet", "deep/er/pairs.parquet", "pairs.csv", "PAIRS.CSV"])
def test_the_suffix_chooses_the_format_and_folders_are_made(name, tmp_path):
    check_output(tmp_path / name)
    write_frame(FRAME, tmp_path / name)
    as_csv = name.lower().endswith(".csv")
    types = {"left_id": pl.String}
    read = (
        pl.read_csv(tmp_path / name, schema_overrides=types) if as_csv else pl.read_parquet(tmp_path / name)
    )
    assert read.equals(FRAME)
    assert len(list((tmp_path / name).parent.iterdir())) == 1


def test_an_older_file_is_replaced_at_once_or_not_at_all(tmp_path):
    path = tmp_path / "pairs.csv"
    path.write_text("old", encoding="utf-8")
    nested = pl.DataFrame({"x": [[1]]})
    with pytest.raises(OutputError, match=r"pairs\.csv cannot be written: "):
        write_frame(nested, path)
    assert path.read_text(encoding="utf-8") == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["pairs.csv"]
    write_frame(FRAME, path)
    assert path.read_text(encoding="utf-8").startswith("left_id")


@pytest.mark.parametrize("name", ["pairs", "pairs.txt", "pairs.csv.bz2", "pairs.xlsx", ".csv"])
def test_another_suffix_is_refused(name, tmp_path):
    with pytest.raises(TableError, match=r"expected a name ending in \.parquet or \.csv"):
        check_output(tmp_path / name)


def test_a_folder_is_refused(tmp_path):
    (tmp_path / "pairs.csv").mkdir()
    with pytest.raises(TableError, match="expected a file, found a folder"):
        check_output(tmp_path / "pairs.csv")
