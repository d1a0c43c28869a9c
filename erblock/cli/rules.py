"""`erblock rules check` and `erblock rules show`."""

from typing import TYPE_CHECKING, Annotated

import typer

from erblock.cli import console, options
from erblock.cli.shell import Commands

if TYPE_CHECKING:
    from erblock.rules.review import Review, SidePair

_WIDEST = 70

app = Commands(
    help="Check the similarity rules, or list the functions that they may call.", no_args_is_help=True
)


@app.command()
@options.reads(*options.IDS, *options.COLUMNS, *options.TABLES, *options.CONFIG)
def check(
    left: options.Left = None,
    right: options.Right = None,
    pairs: Annotated[
        int | None, typer.Option(min=1, max=options.MOST, help="How many pairs the rules are applied to.")
    ] = None,
    show: Annotated[
        int, typer.Option(min=0, max=options.MOST, help="How many borderline pairs to show.")
    ] = 10,
    seed: Annotated[int | None, typer.Option(min=0, help="The same seed draws the same pairs.")] = None,
    as_json: options.AsJson = False,
    *,
    reading: options.Reading,
) -> None:
    """Apply each rule to near and random pairs: count its answers, show borderline pairs, and judge it.

    Example: erblock rules check --show 20
    """
    from dataclasses import asdict
    from typing import Any

    from erblock.rules.compile import compile_rules
    from erblock.rules.review import review_rules
    from erblock.tables.read import read_tables

    overrides: dict[str, dict[str, Any]] = {
        "tables": {"left": left, "right": right},
        "fit": {"labelling_pairs": pairs, "seed": seed},
    }
    settings = reading.settings(overrides, columns=lambda _: True)
    tables = read_tables(settings.tables)
    rules = compile_rules(settings.rules.match, settings.rules.conflict, tables)
    review = review_rules(tables, rules, settings.fit.labelling_pairs, settings.fit.seed, show)
    if as_json:
        console.write_json(asdict(review))
    else:
        _print(review)


@app.command()
def show() -> None:
    """List the functions that a rule may call.

    Example: erblock rules show
    """
    from erblock.similarity import VALUE_FUNCTIONS, VOCABULARY

    rows = [[measure.call, measure.gives, measure.summary] for measure in VOCABULARY.values()]
    rows += [[function.call, "value", function.summary] for function in VALUE_FUNCTIONS.values()]
    console.table(["function", "gives", "meaning"], rows)


def _print(review: "Review") -> None:
    console.records_read([side.records for side in review.coverage])
    counts = [
        [rule.name, *(f"{n:,}" for n in (rule.true, rule.false, rule.unknown)), rule.text]
        for rule in review.rules
    ]
    console.table(["rule", "true", "false", "unknown", "text"], counts)
    console.write(
        f"\n{review.pairs:,} pairs: {review.positives:,} similar, {review.negatives:,} dissimilar, "
        f"{review.unknowns:,} unknown; a match and a conflict rule both hold for {review.conflicts:,}\n"
    )
    coverage = [
        [
            side.source,
            f"{side.share:.1%}",
            f"{side.covered:,} of {side.records:,}",
            f"{side.most_positives:,} ({side.busiest_id})",
        ]
        for side in review.coverage
    ]
    console.table(["table", "covered", "records with a similar pair", "most for one record"], coverage)
    for pair in review.borderline:
        _print_pair(pair)
    console.write("")
    for verdict in review.verdicts:
        console.write(f"{verdict.name}: {verdict}")


def _print_pair(pair: "SidePair") -> None:
    label = "similar" if pair.label == 1 else "dissimilar"
    rows = [[name, _cut(left), _cut(right)] for name, (left, right) in pair.columns.items()]
    title = f"borderline: {label}, margin {pair.margin:.3f}"
    console.write("")
    console.table(["column", f"left {pair.left_id}", f"right {pair.right_id}"], rows, title)


def _cut(value: object) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= _WIDEST else text[: _WIDEST - 3] + "..."
