"""Buckets of vectors."""

import numpy as np
import pytest

from erblock.hashing.cells import CellOptions, Cells, cells_of_a_band, fit_cells
from erblock.hashing.codes import codes_and_scales
from erblock.hashing.int8_matmul import in_8_bits, in_floats

WIDTH, ENTITIES = 24, 600


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def sides():
    """Two noisy vectors of each entity; half of the directions vary within an entity, and more."""
    random = np.random.default_rng(0)
    entity = random.normal(size=(ENTITIES, WIDTH // 2))
    return [
        unit(
            np.hstack(
                [
                    entity + random.normal(scale=0.15, size=entity.shape),
                    random.normal(scale=1.5, size=entity.shape),
                ]
            )
        )
        for _ in range(2)
    ]


def met(cells, sides):
    """The share of entities whose two vectors share a cell in the average band."""
    left, right = (cells.project(side) for side in sides)
    return np.mean(cells.numbers(left) == cells.numbers(right))


def fitted(sides, **options):
    known = [side[:200] for side in sides]
    wanted = CellOptions(**{"width": 8, "bands": 4, **options})
    return fit_cells(np.vstack(sides), *known, ENTITIES, wanted)


def test_what_varies_within_matches_is_left_out_so_that_they_meet(sides):
    unseen = [side[200:] for side in sides]
    discriminant, plain = fitted(sides), fitted(sides, shrinkage=1e9)
    assert met(discriminant, unseen) > 1.5 * met(plain, unseen)


def test_near_vectors_meet_and_far_ones_seldom_do(sides):
    cells = fitted(sides)
    left, right = (cells.project(side) for side in sides)
    strangers = np.mean(cells.numbers(left)[0] == np.roll(cells.numbers(right)[0], 1))
    assert met(cells, sides) > 5 * strangers


@pytest.mark.parametrize("size", [1, 2, 7, 10, 100])
def test_the_cell_of_a_record_does_not_depend_on_the_others(sides, size):
    cells = fitted(sides)
    part = slice(100, 100 + size)
    whole, alone = cells.project(sides[0]), cells.project(sides[0][part])
    assert (whole[part] == alone).all(), "to the last bit"
    assert (cells.numbers(whole)[:, part] == cells.numbers(alone)).all()


def test_more_bands_find_more_matches(sides):
    cells = fitted(sides, bands=12)
    assert cells.bands == 12
    left, right = (cells.project(side[200:]) for side in sides)
    together = cells.numbers(left) == cells.numbers(right)
    found = [together[:bands].any(axis=0).mean() for bands in (1, 4, 12)]
    assert found == sorted(found)
    assert found[2] > found[0] + 0.1


@pytest.mark.parametrize("records", [100, 10_000, 1_000_000, 50_000_000])
def test_a_record_joins_no_more_than_was_asked_for(records):
    options = CellOptions()
    cells = cells_of_a_band(records, options)
    # Were all cells of one size, a record would meet this many others in all bands.
    assert options.bands * records / cells <= options.joined
    assert cells >= np.sqrt(records)


def test_fewer_joined_rows_take_more_cells():
    loose, tight = (cells_of_a_band(10**6, CellOptions(joined=joined)) for joined in (1500, 150))
    assert tight == pytest.approx(10 * loose, rel=0.01)


def test_a_seed_gives_the_same_cells(sides):
    once, again, other = fitted(sides), fitted(sides), fitted(sides, seed=1)
    assert (once.band_pivots == again.band_pivots).all()
    assert (once.band_pivots != other.band_pivots).any()


def test_projections_are_unit_vectors_of_the_width_asked_for(sides):
    projected = fitted(sides, width=5).project(sides[0])
    assert projected.shape == (ENTITIES, 5)
    assert np.allclose(np.linalg.norm(projected, axis=1), 1, atol=1e-5)


def test_a_handful_of_records_is_enough(sides):
    few = [side[:2] for side in sides]
    cells = fit_cells(np.vstack(few), *few, 2, CellOptions())
    assert cells.numbers(cells.project(few[0])).shape == (cells.bands, 2)


def test_equal_matches_are_no_division_by_zero(sides):
    cells = fit_cells(sides[0], sides[0][:50], sides[0][:50], ENTITIES, CellOptions(width=8))
    assert np.isfinite(cells.project(sides[0])).all()
    assert met(cells, [sides[0], sides[0]]) == 1


def nearest_of_all(cells, records):
    """The nearest centre of every band, of vectors in 8 bits, and how near it is."""
    points, others = (codes_and_scales(vectors)[0].astype(np.float32) for vectors in (cells.pivots, records))
    nearness = others @ (points / np.linalg.norm(points, axis=1, keepdims=True)).T
    return np.stack([band[nearness[:, band].argmax(axis=1)] for band in cells.band_pivots]), nearness


def of_centres(points, count, bands):
    random = np.random.default_rng(1)
    width = points.shape[1]
    centres = np.stack([random.permutation(len(points))[:count] for _ in range(bands)]).astype(np.int32)
    return Cells(np.zeros(width, np.float32), np.eye(width, dtype=np.float32), points, centres)


@pytest.mark.parametrize("count", [2, 40, 150])
def test_of_few_points_the_cell_is_that_of_the_nearest_centre_of_the_band(count):
    random = np.random.default_rng(1)
    points, records = unit(random.normal(size=(200, 16))), unit(random.normal(size=(100, 16)))
    cells = of_centres(points, count, bands=5)
    assert (cells.numbers(records) == nearest_of_all(cells, records)[0]).all()


def test_of_many_points_and_records_too():
    random = np.random.default_rng(2)
    points, records = (unit(random.normal(size=(size, 8))) for size in (3_000, 5_000))
    cells = of_centres(points, 1_500, bands=4)
    assert (cells.numbers(records) == nearest_of_all(cells, records)[0]).all()


def test_of_equal_centres_the_first_is_taken():
    points = unit(np.repeat(np.random.default_rng(3).normal(size=(3, 16)), 200, axis=0))
    cells = of_centres(points, 600, bands=2)
    assert (cells.numbers(points) == np.repeat([0, 200, 400], 200)).all()


def test_floats_find_the_same_cells_as_whole_numbers(sides, monkeypatch):
    cells = fitted(sides, bands=8)
    projected = cells.project(sides[0])
    found = [cells.numbers(projected)]
    for products in (in_8_bits, in_floats):
        monkeypatch.setattr("erblock.hashing.cells.fastest_products", lambda _, chosen=products: chosen)
        found.append(cells.numbers(projected))
    assert (found[0] == found[1]).all()
    assert (found[0] == found[2]).all()


def test_bands_are_of_points_that_are_kept_once(sides):
    cells = fitted(sides, bands=8)
    drawn = {tuple(point) for band in cells.band_pivots for point in cells.pivots[band]}
    assert len(drawn) == len(cells.pivots)
    assert all(len(set(band)) == len(band) for band in cells.band_pivots.tolist())
