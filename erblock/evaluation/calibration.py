"""Calibration: how well probabilities of pairs agree with the share of matches among them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

BINS = 10

Probabilities = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Bin:
    """The pairs with a probability from `low` to below `high` (the last bin: up to 1)."""

    low: float
    high: float
    pairs: int
    mean_probability: float
    match_share: float


@dataclass(frozen=True)
class Calibration:
    """Statistics of the calibration of the probabilities of pairs.

    `error`: expected calibration error, the mean of |share of matches - mean probability| over `BINS` bins of
    equal width, weighted by pairs (Naeini et al. 2015, https://doi.org/10.1609/aaai.v29i1.9602).
    `error_equal_mass`: the same over bins with about equal numbers of pairs; equal probabilities share a bin.
    `brier`: the mean squared difference between probability and truth, 1 or 0 (Brier 1950).
    `bins`: the bins of equal width that are not empty.
    """

    error: float
    error_equal_mass: float
    brier: float
    bins: tuple[Bin, ...]


def calibration(probability: Probabilities, hit: npt.NDArray[np.bool_]) -> Calibration | None:
    """Return how well `probability` agrees with `hit`, whether a pair is a match; None without pairs."""
    if not len(probability):
        return None
    # Files hold float32. Edges of the same type put a probability of 0.9 exactly on the edge 0.9.
    edges = (np.arange(1, BINS) / BINS).astype(np.float32)
    quantiles = np.unique(np.quantile(probability, edges))
    places = np.searchsorted(edges, probability.astype(np.float32), side="right")
    gaps = np.square(probability - hit)
    return Calibration(
        _error(places, probability, hit),
        _error(np.searchsorted(quantiles, probability, side="right"), probability, hit),
        float(gaps.mean()),
        tuple(_bin(place, probability, hit, places == place) for place in np.unique(places).tolist()),
    )


def _error(places: npt.NDArray[np.int64], probability: Probabilities, hit: npt.NDArray[np.bool_]) -> float:
    """Return the expected calibration error; `places` has the number of the bin of each pair."""
    gaps = np.bincount(places, weights=probability - hit)
    return float(np.abs(gaps).sum() / len(probability))


def _bin(
    place: int, probability: Probabilities, hit: npt.NDArray[np.bool_], inside: npt.NDArray[np.bool_]
) -> Bin:
    pairs = int(inside.sum())
    return Bin(
        place / BINS, (place + 1) / BINS, pairs, float(probability[inside].mean()), float(hit[inside].mean())
    )
