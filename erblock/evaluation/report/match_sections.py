"""Sections about matches and training: probabilities, calibration, rules, clusters, losses."""

import numpy as np

from erblock.evaluation.report import charts
from erblock.evaluation.report.facts import RunFacts
from erblock.evaluation.report.pair_sections import distribution
from erblock.evaluation.report.section import Section, Table, percent

_BINS = 20
_CLUSTER_EDGES = (10, 20, 50, 100, 1000)


def probability_section(facts: RunFacts) -> Section | None:
    """Return how the probabilities of the judged pairs are distributed."""
    frame = facts.matches
    if frame is None or facts.matched is None or "probability" not in frame.columns or frame.is_empty():
        return None
    doubtful = frame.filter((frame["probability"] > 0.1) & (frame["probability"] < 0.9)).height
    return distribution(
        "Probabilities of matches",
        "A matcher that is sure of itself has its columns at both ends, or at the right end alone if only "
        "matches were written; what stands between is doubtful, and worth labels.",
        f"{doubtful:,} of {frame.height:,} pairs have a probability from 0.1 to 0.9; a pair needs "
        f"{facts.matched.threshold:.2f} to be a match.",
        (frame, "probability", np.linspace(0, 1, _BINS + 1), ".1f"),
    )


def calibration_section(facts: RunFacts) -> Section | None:
    """Return how far the probabilities are what they say."""
    found = next((each.calibration for each in facts.measured if each.calibration is not None), None)
    if found is None or not found.bins:
        return None
    rows = [{"said": b.mean_probability, "found": b.match_share, "pairs": b.pairs} for b in found.bins]
    table = [(f"{b.pairs:,}", percent(b.mean_probability), percent(b.match_share)) for b in found.bins]
    return Section(
        "Calibration",
        "Each point is a tenth of the scale: on the dashed line pairs are matches as often as their "
        "probability says, above it more often; a large point stands for many pairs.",
        f"Probability and share of matches are {percent(found.error)} apart, as a mean over all pairs.",
        charts.reliability(rows),
        Table(("pairs", "mean probability", "share of known matches"), table),
    )


def rule_section(facts: RunFacts) -> Section | None:
    """Return of how many matches each rule holds."""
    if not facts.rules or facts.matched is None:
        return None
    rows = [{"label": rule.name, "value": rule.matches} for rule in facts.rules]
    table = [(r.name, r.text, f"{r.matches:,}", f"{r.triplets:,}") for r in facts.rules]
    best = max(facts.rules, key=lambda rule: rule.matches)
    return Section(
        "Matches per rule",
        "A bar counts the matches of which the rule holds, several may hold of one; a match rule without any "
        "does nothing, and a conflict rule with many contradicts the matcher.",
        f"Of the {facts.matched.matches:,} matches {best.name} holds most often: {best.matches:,} times.",
        charts.bars(rows, "matches", charts.COUNT),
        Table(("rule", "text", "matches", "triplets for training"), table),
    )


def training_section(facts: RunFacts) -> Section | None:
    """Return the held-out loss while the encoder was trained."""
    training = None if facts.fitted is None else facts.fitted.training
    if training is None or len(training.losses) < 2:
        return None
    rows = [{"step": step, "loss": loss} for step, loss in training.losses]
    losses = [loss for _, loss in training.losses]
    return Section(
        "Training",
        "The line is the loss on triplets that training did not see: it should fall, and the weights of its "
        "lowest point are kept; a line that rises at once has learned nothing that holds.",
        f"The held-out loss went from {losses[0]:.3f} to {min(losses):.3f} in {training.steps:,} steps over "
        f"{training.triplets:,} triplets.",
        charts.line(
            rows, charts.number("step", "steps"), charts.number("loss", "held-out loss", ".2~f", zero=False)
        ),
        Table(("steps", "held-out loss"), [(f"{step:,}", f"{loss:.4f}") for step, loss in training.losses]),
    )


def cluster_section(facts: RunFacts) -> Section | None:
    """Return how many records the entities have."""
    if facts.matched is None or not facts.matched.sizes:
        return None
    sizes = facts.matched.sizes
    counts: dict[str, int] = {}
    for size in sorted(sizes):
        label = _size_label(size)
        counts[label] = counts.get(label, 0) + sizes[size]
    rows = [{"label": label, "count": count} for label, count in counts.items()]
    return Section(
        "Cluster sizes",
        "A column counts the entities of so many records, 1 being records that match nothing; a few very "
        "large ones are mostly chains of wrong matches, to be looked at first.",
        f"{sum(sizes.values()):,} entities, the largest of {max(sizes):,} records.",
        charts.columns(rows, "records of the entity", "entities"),
        Table(("records", "entities"), [(label, f"{count:,}") for label, count in counts.items()]),
    )


def _size_label(size: int) -> str:
    """Return a size up to 9 as it is, a larger one as a range."""
    edges = [edge for edge in _CLUSTER_EDGES if edge <= size]
    if not edges:
        return str(size)
    after = _CLUSTER_EDGES[len(edges) :]
    return f"{edges[-1]}-{after[0] - 1}" if after else f"{edges[-1]:,}+"
