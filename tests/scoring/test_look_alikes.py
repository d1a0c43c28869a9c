"""Look-alikes of which each has one match, beside duplicates of which each has several."""

import json
import random

import polars as pl
import pytest

import erblock

SYLLABLES = ["ba", "co", "du", "fe", "gi", "ha", "ko", "lu", "me", "ni", "po", "ra", "su", "te", "vi", "za"]
SIZES = [25, 40, 75, 150, 320, 600]


def typed(text, rng):
    """The text with a letter missing, and sometimes a further word: copies are as unlike as look-alikes."""
    at = rng.randrange(len(text))
    return text[:at] + text[at + 1 :] + rng.choice(["", "", " new"])


def tables(families, records, rng):
    """Two tables of the records of each family; a record is (name, size, entity)."""
    sides = []
    for side in "ab":
        rows = []
        for family in families:
            for name, size, entity in records(family):
                rows.append((f"{side}{len(rows)}", typed(name, rng), str(size), entity))
        rng.shuffle(rows)
        sides.append(pl.DataFrame(rows, schema=["id", "name", "size", "entity"], orient="row"))
    return sides


def look_alikes(family):
    return [(f"{family} {size}ml", size, f"{family} {size}") for size in SIZES]


def duplicates(family):
    size = SIZES[len(family) % len(SIZES)]
    return [(f"{family} {size}ml", size, family)] * 4


def seen_and_true(records):
    """Two tables of 80 families of such records, with the entity of each."""
    rng = random.Random(5)
    families = sorted({" ".join("".join(rng.choices(SYLLABLES, k=3)) for _ in range(3)) for _ in range(80)})
    return tables(families, records, rng)


def matched(records, method):
    """The matches of tables of such records, found without rules or labels, with both entities."""
    left, right = seen_and_true(records)
    seen = left.drop("entity"), right.drop("entity")
    model = erblock.fit(*seen, method="minhash") if method == "fitted" else None
    pairs = erblock.block(*seen, model=model, max_pairs=6_000)
    matches = erblock.match(*seen, pairs=pairs, model=model).filter("is_match")
    entities = left.select(left_id="id", one="entity"), right.select(right_id="id", other="entity")
    return matches.join(entities[0], on="left_id").join(entities[1], on="right_id"), pairs, entities


@pytest.mark.parametrize("method", ["minhash", "fitted"])
def test_each_of_many_look_alikes_gets_its_one_match(method):
    matches, pairs, (left, right) = matched(look_alikes, method)
    assert matches["left_id"].is_unique().all()
    right_ones = matches.filter(pl.col("one") == pl.col("other"))
    assert len(right_ones) > 0.8 * max(len(matches), len(left))
    first = pairs.head(len(left)).join(left, on="left_id").join(right, on="right_id")
    assert (first["one"] == first["other"]).mean() > 0.8, "block ranks them first, too"


@pytest.mark.parametrize("method", ["minhash", "fitted"])
def test_duplicates_all_match(method):
    matches, _, _ = matched(duplicates, method)
    assert (matches["one"] == matches["other"]).mean() > 0.95
    assert len(matches) > 0.8 * 80 * 16


def test_evidence_of_another_version_is_refused_before_it_is_used(tmp_path, reseal):
    seen = [table.drop("entity") for table in seen_and_true(look_alikes)]
    folder = tmp_path / "model"
    erblock.fit(*seen, method="minhash").save(folder)
    content = json.loads((folder / "evidence.json").read_text())
    content["entries"].append({**content["entries"][0], "name": "smell(name)"})
    (folder / "evidence.json").write_text(json.dumps(content))
    reseal(folder)
    with pytest.raises(erblock.ModelError, match="another version of erblock"):
        erblock.block(*seen, model=folder)
