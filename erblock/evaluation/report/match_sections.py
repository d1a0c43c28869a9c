"""Sections of the report on matches and training: probabilities, calibration, rules, clusters, loss."""

import numpy as np

from erblock.evaluation.report import charts
from erblock.evaluation.report.facts import RunFacts
from erblock.evaluation.report.pair_sections import distribution
from erblock.evaluation.report.section import Section, Table, percent

_BINS = 20
_CLUSTER_EDGES = (10, 20, 50, 100, 1000)


def probability_section(facts: RunFacts) -> Section | None:
    """Return the section with the histogram of probabilities."""
    frame = facts.matches
    if frame is None or facts.matched is None or "probability" not in frame.columns or frame.is_empty():
        return None
    doubtful = frame.filter((frame["probability"] > 0.1) & (frame["probability"] < 0.9)).height
    return distribution(
        "Probabilities of matches",
        "A confident matcher has its columns at both ends, or only at the right end if only matches were "
        "written. Pairs in between are doubtful and worth labels.",
        f"{doubtful:,} of {frame.height:,} pairs have a probability from 0.1 to 0.9; a pair needs "
        f"{facts.matched.threshold:.2f} to be a match.",
        (frame, "probability", np.linspace(0, 1, _BINS + 1), ".1f"),
    )


def calibration_section(facts: RunFacts) -> Section | None:
    """Return the section with the reliability diagram."""
    found = next((each.calibration for each in facts.measured if each.calibration is not None), None)
    if found is None or not found.bins:
        return None
    rows = [{"said": b.mean_probability, "found": b.match_share, "pairs": b.pairs} for b in found.bins]
    table = [(f"{b.pairs:,}", percent(b.mean_probability), percent(b.match_share)) for b in found.bins]
    return Section(
        "Calibration",
        "Each point is a tenth of the scale. On the dashed line, the share of matches equals the "
        "probability; above it, more pairs are matches. A larger point has more pairs.",
        f"Probability and share of matches differ by {percent(found.error)}, averaged over all pairs.",
        charts.reliability(rows),
        Table(("pairs", "mean probability", "share of known matches"), table),
    )


def rule_section(facts: RunFacts) -> Section | None:
    """Return the section with the number of matches for which each rule holds."""
    if not facts.rules or facts.matched is None:
        return None
    rows = [{"label": rule.name, "value": rule.matches} for rule in facts.rules]
    table = [(r.name, r.text, f"{r.matches:,}", f"{r.triplets:,}") for r in facts.rules]
    best = max(facts.rules, key=lambda rule: rule.matches)
    return Section(
        "Matches per rule",
        "A bar counts the matches for which the rule holds; several rules can hold for one match. A match "
        "rule without matches does nothing, and a conflict rule with many contradicts the matcher.",
        f"Of the {facts.matched.matches:,} matches, {best.name} holds for the most: {best.matches:,}.",
        charts.bars(rows, "matches", charts.COUNT),
        Table(("rule", "text", "matches", "triplets for training"), table),
    )


def training_section(facts: RunFacts) -> Section | None:
    """Return the section with the held-out loss during training."""
    training = None if facts.fitted is None else facts.fitted.training
    if training is None or len(training.losses) < 2:
        return None
    rows = [{"step": step, "loss": loss} for step, loss in training.losses]
    losses = [loss for _, loss in training.losses]
    return Section(
        "Training",
        "The line is the loss on triplets that training did not see. It should fall; the weights at its "
        "lowest point are kept. If it rises at once, training overfits.",
        f"The held-out loss went from {losses[0]:.3f} to {min(losses):.3f} in {training.steps:,} steps over "
        f"{training.triplets:,} triplets.",
        charts.line(
            rows, charts.number("step", "steps"), charts.number("loss", "held-out loss", ".2~f", zero=False)
        ),
        Table(("steps", "held-out loss"), [(f"{step:,}", f"{loss:.4f}") for step, loss in training.losses]),
    )


def cluster_section(facts: RunFacts) -> Section | None:
    """Return the section with the sizes of the entities."""
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
        "A column counts the entities with this number of records; 1 is a record without a match. Very "
        "large entities are mostly chains of wrong matches: look at them first.",
        f"{sum(sizes.values()):,} entities, the largest of {max(sizes):,} records.",
        charts.columns(rows, "records of the entity", "entities"),
        Table(("records", "entities"), [(label, f"{count:,}") for label, count in counts.items()]),
    )


def _size_label(size: int) -> str:
    """Return the label of a size: a number up to 9, then a range."""
    edges = [edge for edge in _CLUSTER_EDGES if edge <= size]
    if not edges:
        return str(size)
    after = _CLUSTER_EDGES[len(edges) :]
    return f"{edges[-1]}-{after[0] - 1}" if after else f"{edges[-1]:,}+"
