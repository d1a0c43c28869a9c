"""A matcher as a folder."""

import json
import pickle

import numpy as np
import pytest
from safetensors.numpy import save_file

from erblock.comparison.fitted import FittedEvidence
from erblock.errors import ModelError, OutputError
from erblock.matching.fit import fit_matcher
from erblock.matching.store import StoredMatcher, check_matcher_target, load_matcher, save_matcher
from erblock.tables.contents import MANIFEST, digests_of


@pytest.fixture(scope="module")
def found(linked):
    return linked(60)


@pytest.fixture(scope="module")
def stored(found):
    matcher = fit_matcher(found.pairs, found.comparison, found.unknown, 0)
    fitted = FittedEvidence(found.columns, found.comparison.names, matcher.evidence)
    return StoredMatcher(matcher, fitted, found.weights, ("name", "price"))


@pytest.fixture
def folder(stored, tmp_path):
    save_matcher(stored, tmp_path / "deep" / "matcher")
    return tmp_path / "deep" / "matcher"


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def probability(stored, found):
    odds = stored.fitted.log_odds(found.tables, stored.weights, found.pairs.left, found.pairs.right)
    return stored.matcher.probability(found.pairs, odds).tolist()


def test_a_saved_matcher_says_the_same_to_the_last_bit(folder, stored, found):
    again = load_matcher(folder)
    assert again.mapping == stored.mapping
    assert again.matcher.competition == stored.matcher.competition
    assert again.weights.tolist() == stored.weights.tolist()
    assert probability(again, found) == probability(stored, found)


def test_a_loaded_matcher_is_saved_as_the_same_bytes(folder, tmp_path):
    save_matcher(load_matcher(folder), tmp_path / "again")
    assert contents(tmp_path / "again") == contents(folder)


def test_a_matcher_takes_the_place_of_an_older_one_and_nothing_is_left_beside_it(folder, stored):
    before = contents(folder)
    save_matcher(stored, folder)
    assert contents(folder) == before
    assert [path.name for path in folder.parent.iterdir()] == ["matcher"]


def test_what_somebody_else_put_into_a_matcher_is_not_replaced_with_it(folder, stored):
    (folder / "note.txt").write_text("mine")
    before = contents(folder)
    with pytest.raises(ModelError, match=r"note\.txt is in it, which erblock did not write"):
        save_matcher(stored, folder)
    assert contents(folder) == before


def test_an_empty_folder_is_filled(stored, tmp_path):
    (tmp_path / "matcher").mkdir()
    save_matcher(stored, tmp_path / "matcher")
    assert load_matcher(tmp_path / "matcher").mapping == stored.mapping


@pytest.mark.parametrize(
    ("manifest", "name"),
    [
        (None, "thesis.txt"),
        ("{}", "manifest.json"),
        ('{"kind": "neural"}', "manifest.json"),
        ("[]", "manifest.json"),
    ],
)
def test_what_is_no_matcher_is_not_written_over(manifest, name, stored, tmp_path):
    folder = tmp_path / "taken"
    folder.mkdir()
    (folder / name).write_text(manifest or "years of work")
    before = contents(folder)
    for refuse in (check_matcher_target, lambda folder: save_matcher(stored, folder)):
        with pytest.raises(ModelError, match="taken exists and is no matcher; choose another folder"):
            refuse(folder)
    assert contents(folder) == before
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_a_file_is_not_written_over_nor_taken_for_a_folder(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(ModelError, match="exists and is no matcher"):
        check_matcher_target(tmp_path / "file")


def test_a_failed_save_leaves_the_older_matcher(folder, stored, monkeypatch):
    before = contents(folder)

    def fail(*_, **__):
        raise OSError("disk full")

    monkeypatch.setattr("safetensors.numpy.save_file", fail)
    with pytest.raises(OutputError, match="matcher cannot be written: disk full"):
        save_matcher(stored, folder)
    assert contents(folder) == before
    assert [path.name for path in folder.parent.iterdir()] == ["matcher"]


def test_a_folder_without_a_matcher_is_named(tmp_path):
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(
            ModelError, match=r"expected a matcher that 'erblock match --save' wrote; found none"
        ):
            load_matcher(folder)


def edit(folder, change):
    path = folder / "manifest.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: edit(folder, lambda content: content.update(format=99)),
        lambda folder: edit(folder, lambda content: content.pop("calibration")),
        lambda folder: edit(folder, lambda content: content.update(rivalry=[1])),
        lambda folder: edit(folder, lambda content: content.update(calibration=[])),
        lambda folder: edit(folder, lambda content: content["calibration"].update(usual=[[1, 2], [3, 4]])),
        lambda folder: edit(folder, lambda content: content.update(columns=[])),
        lambda folder: edit(folder, lambda content: content.update(columns=4)),
        lambda folder: (folder / "weights.safetensors").unlink(),
        lambda folder: (folder / "weights.safetensors").write_bytes(b""),
        lambda folder: (folder / "weights.safetensors").write_bytes(b"\x80\x04]."),
        lambda folder: save_file({"weights": np.ones(3, dtype=np.float32)}, folder / "weights.safetensors"),
        lambda folder: save_file({"weights": np.ones(1 << 20)}, folder / "weights.safetensors"),
        lambda folder: (folder / "evidence.json").write_text("{"),
        lambda folder: (folder / "evidence.json").write_text("[" * 100_000),
    ],
)
@pytest.mark.parametrize("sealed", [False, True])
def test_a_broken_matcher_is_one_line(sealed, spoil, folder):
    spoil(folder)
    if sealed:  # as somebody would who wants to be believed
        files = digests_of(folder)
        edit(folder, lambda content: content.update(files={n: files[n] for n in files if n != MANIFEST}))
    with pytest.raises(ModelError, match=r"cannot be read|expected") as caught:
        load_matcher(folder)
    assert "\n" not in str(caught.value)


def test_pickled_weights_are_never_opened(folder, tmp_path):
    class Trap:
        def __reduce__(self):
            return (tmp_path.joinpath("sprung").write_text, ("x",))

    (folder / "weights.safetensors").write_bytes(pickle.dumps(Trap()))
    files = digests_of(folder)
    edit(folder, lambda content: content.update(files={n: files[n] for n in files if n != MANIFEST}))
    with pytest.raises(ModelError, match="cannot be read"):
        load_matcher(folder)
    assert not (tmp_path / "sprung").exists()
