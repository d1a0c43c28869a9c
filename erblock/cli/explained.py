"""Prints the explanation of one pair, for `erblock why`."""

from typing import TYPE_CHECKING

from erblock.cli import console

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from erblock.pipeline.judged import Judged
    from erblock.pipeline.remedy import Remedy
    from erblock.pipeline.seen import Seen, SeenRecord
    from erblock.pipeline.why import Explanation, Standing, Weights

_WIDEST, _NARROWEST, _BAR = 300, 60, 30


def show(found: "Explanation") -> None:
    """Print why a pair is, or is not, a candidate and a match."""
    ranked = found.ranked
    console.write(f"{found.left.id} and {found.right.id}: {found.fate}")
    if ranked is not None and ranked.rank is not None:
        console.write(f"number {ranked.rank:,} of {ranked.of:,} candidates, {found.written:,} are written")
    for line in _verdicts(found):
        console.write(line)
    _show_seen(found.seen, (found.left, found.right))
    if found.weights is None:
        console.write("\nWeight of evidence: none, as there are too few seed pairs to learn it from")
    else:
        _show_weights(found.weights, None if ranked is None or not ranked.is_log_odds else ranked.score)
    _show_standing(f"left {found.left.id}", found.left_standing)
    _show_standing(f"right {found.right.id}", found.right_standing)
    _show_rules(found)


def _verdicts(found: "Explanation") -> "Iterator[str]":
    """Yield lines on the probability, label and match of a pair, and on the options that would keep it."""
    ranked = found.ranked
    if ranked is not None and ranked.probability is not None:
        yield f"probability of a match: {ranked.probability:.4f}"
    if found.named:
        yield "always written: --must-pairs names it"
    elif ranked is not None and ranked.bands == 0:
        yield "shares no bucket: found as a transitive pair, through likely matches"
    if ranked is not None and ranked.label is not None:
        label = "a match" if ranked.label else "no match"
        yield f"labelled as {label} in the model, which overrides the score"
    if found.judged is not None:
        yield _judgement(found.judged)
    if found.remedy is not None:
        yield f"to keep it: {remedy_line(found.remedy)}"


def _judgement(judged: "Judged") -> str:
    if not judged.listed:
        return f"{judged.file}: not listed"
    said = "a match" if judged.is_match else "no match"
    if judged.probability is not None:
        said += f", probability {judged.probability:.4f}"
        if not judged.is_match and judged.probability < judged.least:
            said += f", below {judged.least:g}"
    others = ", ".join(f"{left} and {right}" for left, right in judged.instead)
    return f"{judged.file}: {said}" + (f"; other matches of these records: {others}" if others else "")


def remedy_line(remedy: "Remedy") -> str:
    """Return the options that would keep a pair, and how many more pairs they cost."""
    if not remedy.options:
        return remedy.reason
    costs = [
        f"{count:+,} {what}"
        for count, what in ((remedy.more_pairs, "pairs"), (remedy.more_examined, "examined"))
        if count is not None
    ]
    return remedy.options + (f" ({', '.join(costs)})" if costs else "")


def _show_seen(seen: "Seen", records: "tuple[SeenRecord, SeenRecord]") -> None:
    sides = tuple(zip(("left", "right"), records, strict=True))
    console.write("")
    heads = ["column", *(f"{side} {record.id}" for side, record in sides)]
    rows = [
        [name, *(cut(record.texts[name], _WIDEST) or "-" for record in records)] for name in records[0].texts
    ]
    console.table(heads, rows, f"What the hash saw ({seen.kind})")
    for side, record in sides:
        if record.cut_off:
            console.write(
                f"{side}: too long for the language model, not read: {cut(record.cut_off, _WIDEST)}"
            )
        if record.alike > 1:
            same = f"one of {record.alike:,} records with equal columns"
            console.write(f"{side}: {same}; {record.compared} is compared for all of them")
    console.write("")
    title = f"Buckets: {len(seen.shared)} of {seen.bands} shared"
    console.table(["what", "found"], list(_hash_rows(seen)), title)


def _hash_rows(seen: "Seen") -> "Iterator[list[str]]":
    overlap = seen.overlap
    yield ["similarity", f"{seen.similarity:.3f}"]
    for bucket in sorted(seen.shared, key=lambda bucket: bucket.left * bucket.right)[:3]:
        yield [
            f"band {bucket.band}",
            f"{bucket.left:,} left and {bucket.right:,} right records share the bucket",
        ]
    if seen.cells is not None:
        near = "" if seen.cells.nearest is None else f"; the closest miss by {seen.cells.nearest:.4f}"
        yield [
            "cells",
            f"{seen.cells.shared} of {seen.cells.bands} shared, cosine {seen.cells.cosine:.3f}{near}",
        ]
    yield ["features", f"{overlap.shared:,} of {overlap.of_all:,} n-grams, words and codes are shared"]
    kinds = ("by rarity", "columns equal")
    for kind, true, estimated in zip(kinds, overlap.true, overlap.estimated, strict=True):
        yield [f"overlap, {kind}", f"{true:.3f}; estimated from the bands: {estimated:.3f}"]
    yield ["near misses", f"{overlap.near:,} more bands agree only in the first feature of the key"]
    yield ["features of a key", f"{overlap.lengths[0]:.1f} left, {overlap.lengths[1]:.1f} right, on average"]
    yield ["chance to meet", f"{overlap.chance:.4f}, in at least one band of n-grams"]
    for name, words in (("both", seen.words), ("only left", seen.only_left), ("only right", seen.only_right)):
        yield [f"rarest words, {name}", " ".join(words) or "-"]


def _show_weights(weights: "Weights", score: float | None) -> None:
    steps = [("average pair", weights.start), *((part.column, part.log_odds) for part in weights.columns)]
    steps.append(("= columns", weights.total))
    if score is not None:
        steps += [("other candidates", score - weights.total), ("= score", score)]
    rows = [[name, f"{value:+.2f}", bar] for (name, value), bar in zip(steps, waterfall(steps), strict=True)]
    console.write("")
    title = "Weight of evidence, in natural log odds of a match"
    console.table(["column", "log odds", ""], rows, title)


def waterfall(steps: "Sequence[tuple[str, float]]") -> list[str]:
    """Return the bars of a waterfall chart as text, one for each step (name, value).

    A bar begins where the one before it ends. The bar of a sum, whose name begins with "=", begins at zero.
    """
    spans, at = [], 0.0
    for name, value in steps:
        first = 0.0 if name.startswith("=") else at
        at = first + value
        spans.append((first, at))
    low, high = min(0.0, *map(min, spans)), max(0.0, *map(max, spans))
    scale = _BAR / max(high - low, 1e-9)
    return [_bar(first - low, last - low, -low, scale) for first, last in spans]


def _bar(first: float, last: float, zero: float, scale: float) -> str:
    begin, end = (round(value * scale) for value in sorted((first, last)))
    line = list(" " * (_BAR + 1))
    line[round(zero * scale)] = "|"
    length = max(end - begin, 1)
    line[begin : begin + length] = ("+" if last >= first else "-") * length
    return "".join(line).rstrip()


def _show_standing(record: str, standing: "Standing") -> None:
    place = "not among" if standing.rank is None else f"number {standing.rank:,} of"
    others = "; the best others:" if standing.competitors else ""
    title = f"The pair is {place} the {standing.of:,} candidates of {record}{others}"
    rows = [
        [
            str(competitor.id),
            f"{competitor.score:.2f}",
            "-" if competitor.probability is None else f"{competitor.probability:.4f}",
            "yes" if competitor.kept else "no",
            cut(competitor.text),
        ]
        for competitor in standing.competitors
    ]
    console.write("")
    if rows:
        console.table(["id", "score", "probability", "kept", "record"], rows, title)
    else:
        console.write(title)


def _show_rules(found: "Explanation") -> None:
    if found.rules_unasked is not None:
        console.note(f"the rules were not applied: {found.rules_unasked}")
    if not found.rules:
        return
    rows = []
    for rule in found.rules:
        values = ", ".join(f"{name} = {cut(value)}" for name, value in rule.values.items())
        rows.append([rule.name, rule.says, values, rule.text])
    console.write("")
    console.table(["rule", "says", "values", "text"], rows, "Rules")


def cut(text: str, most: int = _NARROWEST) -> str:
    """Return `text` cut to at most `most` characters; if it is cut, it ends in "..."."""
    return text if len(text) <= most else text[: most - 3] + "..."
