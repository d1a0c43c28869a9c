"""Training triplets: an anchor, a record similar to it and one that is not.

    labelling pairs ──► labelled pairs ──► TRIPLETS(anchor_id, positive_id, negative_id, rule)
                  rules, labels

Anchors are from the left table, positives and negatives from the right one.
"""

from dataclasses import dataclass

import polars as pl

from erblock.errors import RuleError
from erblock.rules.compile import FALSE, TRUE, UNKNOWN, RuleSet
from erblock.rules.label import NO_RULE, SIMILAR, label_pairs
from erblock.rules.negatives import near_negatives, random_negatives, shuffled, with_ids
from erblock.tables.read import TablePair
from erblock.tables.schemas import ID, TRIPLETS

FROM_LABELS, SUPPOSED = -2, -3
"""The `rule` of a pair that the user's labels decided, and of one that is only supposed to match."""
OTHER_SOURCES = {FROM_LABELS: "label", SUPPOSED: "mutual best"}
"""The text that such pairs have in the column `rule` of triplets."""
_NO_NEGATIVE = (
    "similar pairs were found, but no record is clearly dissimilar to any of them; add a conflict rule, "
    "or rules over columns with fewer missing values"
)


@dataclass(frozen=True)
class TripletOptions:
    """At most `per_rule` triplets per rule and `per_record` per record as anchor or as positive."""

    seed: int = 0
    per_rule: int = 20_000
    per_record: int = 10


def labelled_pairs(
    tables: TablePair,
    rules: RuleSet,
    pairs: pl.DataFrame,
    labels: pl.DataFrame | None = None,
    supposed: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Return `pairs` (left_row, right_row, origin) with label 1, 0 or -1 and the deciding rule's position.

    `supposed` (left_row, right_row): pairs that match unless a rule refutes them. `labels`: a LABELS table,
    which overrides everything and may add pairs.
    """
    labelled = _by_rules(rules, pairs)
    if supposed is not None:
        labelled = _over(labelled, _unrefuted(rules, supposed))
    return labelled if labels is None else _over(labelled, label_rows(tables, labels))


def _by_rules(rules: RuleSet, pairs: pl.DataFrame) -> pl.DataFrame:
    found = label_pairs(rules, pairs["left_row"].to_numpy(), pairs["right_row"].to_numpy())
    return pairs.with_columns(label=pl.Series(found.label), rule=pl.Series(found.rule))


def _over(labelled: pl.DataFrame, given: pl.DataFrame) -> pl.DataFrame:
    """Return `given`, and the pairs of `labelled` that are not in `given`."""
    rest = labelled.join(given, on=["left_row", "right_row"], how="anti", maintain_order="left")
    return pl.concat([given, rest.select(given.columns)])


def _unrefuted(rules: RuleSet, supposed: pl.DataFrame) -> pl.DataFrame:
    """Return, as matches, the supposed pairs for which no conflict rule holds."""
    judged = _by_rules(rules, supposed.with_columns(origin=pl.lit("mutual best")))
    silent = pl.col("rule") == NO_RULE
    kept = judged.filter(silent | (pl.col("label") == SIMILAR))
    rule = pl.when(silent).then(pl.lit(SUPPOSED, pl.Int16)).otherwise("rule")
    return kept.select("left_row", "right_row", "origin", label=pl.lit(SIMILAR, pl.Int8), rule=rule)


def label_rows(tables: TablePair, labels: pl.DataFrame) -> pl.DataFrame:
    """Return left_row, right_row, origin, label and rule of `labels` whose records are in the tables."""
    sides = {"left": tables.left.frame, "right": tables.other.frame}
    for side, frame in sides.items():
        numbered = frame.select(ID).with_row_index(f"{side}_row").cast({f"{side}_row": pl.Int64})
        labels = labels.join(numbered, left_on=f"{side}_id", right_on=ID, maintain_order="left")
    if tables.dedup:
        low, high = pl.min_horizontal("left_row", "right_row"), pl.max_horizontal("left_row", "right_row")
        labels = labels.with_columns(left_row=low, right_row=high).filter(
            pl.col("left_row") < pl.col("right_row")
        )
    labels = labels.unique(["left_row", "right_row"], keep="last", maintain_order=True)
    rows = labels.select(
        "left_row", "right_row", pl.lit("label").alias("origin"), pl.col("label").cast(pl.Int8)
    )
    return rows.with_columns(rule=pl.lit(FROM_LABELS, dtype=pl.Int16))


def build_triplets(
    tables: TablePair, rules: RuleSet, labelled: pl.DataFrame, options: TripletOptions | None = None
) -> pl.DataFrame:
    """Return a table of triplets (TRIPLETS), one for each similar pair of `labelled` within the caps.

    The negative is dissimilar to the anchor: a near record in conflict with it, or else a random record.
    Without match rules, a random record counts as dissimilar unless the pair is in `labelled`.

    Raises:
        RuleError: if no pair is similar (the message says how often each rule held), or none has a negative.
    """
    options = options or TripletOptions()
    if not (labelled["label"] == SIMILAR).any():
        raise RuleError(_nothing_similar(rules, labelled))
    named = with_ids(tables, labelled)
    positives = _capped(shuffled(named.filter(pl.col("label") == SIMILAR), options.seed), options)
    near = near_negatives(positives, named, tables.dedup, options.seed)
    lacking = positives.join(near, on=["anchor", "other"], how="anti", maintain_order="left")
    chosen = pl.concat([near, random_negatives(tables, rules, lacking, named, options.seed)])
    if chosen.is_empty():
        raise RuleError(_NO_NEGATIVE)
    return _as_triplets(tables, rules, chosen)


def _capped(positives: pl.DataFrame, options: TripletOptions) -> pl.DataFrame:
    """Keep the first pairs of every record, then, for every rule, pairs of as many records as possible."""
    turns = [pl.int_range(pl.len()).over(side) for side in ("anchor", "other")]
    kept = positives.with_columns(turn=pl.max_horizontal(turns))
    kept = kept.filter(pl.col("turn") < options.per_record).sort("turn", maintain_order=True)
    return kept.filter(pl.int_range(pl.len()).over("rule") < options.per_rule).drop("turn")


def _as_triplets(tables: TablePair, rules: RuleSet, chosen: pl.DataFrame) -> pl.DataFrame:
    texts = {i: rule.source.text for i, rule in enumerate(rules.rules)} | OTHER_SOURCES
    triplets = chosen.select(
        "anchor_id",
        positive_id="other_id",
        negative_id=tables.other.frame[ID].gather(chosen["negative"]),
        rule=pl.col("rule").replace_strict(texts, return_dtype=pl.String),
    )
    return TRIPLETS.check(triplets.sort("anchor_id", "positive_id", "negative_id"))


def _nothing_similar(rules: RuleSet, labelled: pl.DataFrame) -> str:
    """Return a message that says how often each rule held, so that the user sees which one to relax."""
    if not rules.match:
        return "there is no match rule and no pair labelled 1; add one to [rules], or name a file of labels"
    truth = rules.evaluate(labelled["left_row"].to_numpy(), labelled["right_row"].to_numpy())
    counts = [
        f"{rule.source.name} ({rule.source.text}): true for {(found == TRUE).sum():,}, "
        f"false for {(found == FALSE).sum():,}, unknown for {(found == UNKNOWN).sum():,}"
        for rule, found in zip(rules.rules, truth, strict=True)
    ]
    advice = "lower a threshold, use a column with fewer missing values, or loosen a conflict rule"
    return f"no pair of {labelled.height:,} is similar by the rules; {'; '.join(counts)}; {advice}"
