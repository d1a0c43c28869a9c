"""`erblock evaluate`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from erblock.cli import console, options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from erblock.evaluation.calibration import Calibration
    from erblock.evaluation.clusters import ClusterEvaluation
    from erblock.evaluation.compare import MatchReport, Report
    from erblock.evaluation.matches import MatchEvaluation, Quality


@options.reads(*options.IDS, *options.TABLES, *options.GOLD, *options.LABELS, *options.CONFIG)
def evaluate(
    files: Annotated[list[str], typer.Argument(help="Files of candidate pairs, matches or clusters.")],
    gold: Annotated[
        str, typer.Option(help="Known matches (left_id, right_id) or clusters (record_id, cluster_id).")
    ],
    left: options.LeftOption = None,
    right: options.RightOption = None,
    target: Annotated[
        list[float] | None,
        typer.Option(
            help="Find the fewest pairs that reach this pair completeness; repeatable.",
            show_default="0.89 0.95 0.97 0.99",
        ),
    ] = None,
    exclude: Annotated[
        str | None, typer.Option(help="Labelled pairs used for training: also measure without them.")
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option(help="Labelled pairs of a test split: also measure matches on these alone."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
    csv: Annotated[Path | None, typer.Option(help="Also write the figures to this .csv file.")] = None,
    curve: Annotated[
        Path | None, typer.Option(help="Write the curves of recall against cost to this .csv file.")
    ] = None,
    *,
    reading: options.Reading,
) -> None:
    """Measure candidate pairs, matches or clusters against known matches.

    Example: erblock evaluate pairs.parquet --gold known.csv --left a.csv --right b.csv
    """
    from erblock.evaluation.compare import EvaluateOptions, evaluate_files
    from erblock.evaluation.figures import as_record, write_curves, write_figures
    from erblock.evaluation.metrics import TARGETS
    from erblock.pipeline.places import check_evaluate_places
    from erblock.pipeline.stored import stored_tables
    from erblock.tables.writing import together

    settings = reading.settings({"tables": {"left": left, "right": right}})
    console.leave_stdout_to(csv, curve)
    targets = tuple(target or TARGETS)
    check_evaluate_places(settings, [*files, gold, exclude, labels], {"--csv": csv, "--curve": curve})
    tables = stored_tables(settings.tables).records(settings.tables)
    reports = evaluate_files(EvaluateOptions(files, gold, tables, exclude, targets, labels))
    with together():
        if curve is not None:
            write_curves(reports, curve)
        if csv is not None:
            write_figures(reports, targets, csv)
    if as_json:
        console.write_json([as_record(report, targets) for report in reports])
    else:
        _show(reports, targets)


def _show(reports: "Sequence[Report | MatchReport]", targets: "Sequence[float]") -> None:
    from erblock.evaluation.compare import Report

    read = reports[0].read
    console.records_read(read.records)
    if read.self_pairs:
        console.note(f"{read.self_pairs:,} known matches pair a record with itself; they are left out")
    pairs = [report for report in reports if isinstance(report, Report)]
    matches = [report for report in reports if not isinstance(report, Report)]
    if pairs:
        _show_pairs(pairs, targets)
    if pairs and matches:
        console.write("")
    if matches:
        _show_matches(matches)


def _show_pairs(reports: "Sequence[Report]", targets: "Sequence[float]") -> None:
    for report in reports:
        _warn(report.name, report.found.duplicate_rows, report.found.stray_pairs)
    _show_quality(reports)
    if any(report.found.scored for report in reports):
        console.write("")
        _show_cheapest(reports, targets)


def _warn(name: str, duplicate_rows: int, stray_pairs: int) -> None:
    if duplicate_rows:
        console.note(f"{name}: {duplicate_rows:,} rows repeat a pair; each pair counts once")
    if stray_pairs:
        console.note(f"{name}: {stray_pairs:,} pairs name an id that is in neither table")


def _show_quality(reports: "Sequence[Report]") -> None:
    header = ["", "pairs", "matches found", "completeness %", "quality %", "F1 %", "reduction %", "reached %"]
    unseen = any(report.unseen for report in reports)
    rows = [_quality_row(report) for report in reports]
    console.table(header + (["unseen %"] if unseen else []), rows, "Candidate pairs")


def _quality_row(report: "Report") -> list[str]:
    found, whole = report.found, report.found.whole
    reached = [_percent(side.true_candidate_share) for side in (found.left, found.right) if side]
    row = [report.name, f"{whole.pairs:,}", f"{whole.hits:,} of {found.gold:,}"]
    row += [_percent(share) for share in (whole.pair_completeness, whole.pair_quality, whole.f1)]
    row += [f"{100 * found.reduction_ratio:.3f}", " / ".join(reached)]
    return row + ([_percent(report.unseen.whole.pair_completeness)] if report.unseen else [])


def _show_cheapest(reports: "Sequence[Report]", targets: "Sequence[float]") -> None:
    rows = []
    for report in reports:
        cuts = [report.found.cheapest(target) for target in targets]
        cells = [f"{cut.pairs:,} ({_percent(cut.f1)})" if cut else "-" for cut in cuts]
        rows.append([report.name, *cells])
    header = ["", *(f"{100 * target:g} %" for target in targets)]
    console.table(header, rows, "Fewest pairs that reach a completeness (F1 % there)")


def _show_matches(reports: "Sequence[MatchReport]") -> None:
    from erblock.evaluation.clusters import ClusterEvaluation

    clusters, pairs = [], []
    for report in reports:
        if isinstance(report.found, ClusterEvaluation):
            clusters.append((report.name, report.found))
        else:
            pairs.append((report.name, report.found))
            _warn(report.name, report.found.duplicate_rows, report.found.stray_pairs)
    _show_match_quality(reports)
    if clusters:
        console.write("")
        _show_clusters(clusters)
    if any(found.calibration for _, found in pairs):
        console.write("")
        _show_calibration(pairs)


def _show_match_quality(reports: "Sequence[MatchReport]") -> None:
    header = ["", "matches", "correct", "precision %", "recall %", "F1 %"]
    labelled = any(report.found.labelled for report in reports)
    unseen = any(report.unseen for report in reports)
    header += ["labelled F1 %"] if labelled else []
    header += ["unseen F1 %"] if unseen else []
    rows = []
    for report in reports:
        found = report.found.matches
        row = [report.name, f"{found.found:,}", f"{found.hits:,} of {found.known:,}"]
        row += [_percent(share) for share in (found.precision, found.recall, found.f1)]
        row += [_f1(report.found.labelled)] if labelled else []
        rows.append(row + ([_f1(report.unseen)] if unseen else []))
    console.table(header, rows, "Matches")


def _show_clusters(clusters: "Sequence[tuple[str, ClusterEvaluation]]") -> None:
    header = ["", "clusters", "largest", "B-cubed precision %", "recall %", "F1 %"]
    rows = []
    for name, found in clusters:
        shares = (found.b_cubed.precision, found.b_cubed.recall, found.b_cubed.f1)
        rows.append([name, f"{found.clusters:,}", f"{found.largest:,}", *map(_percent, shares)])
    console.table(header, rows, "Clusters of two records or more")


def _show_calibration(pairs: "Sequence[tuple[str, MatchEvaluation]]") -> None:
    header = [
        "",
        "error, equal width",
        "error, equal mass",
        "Brier score",
        "expected precision %",
        "precision %",
    ]
    known = [(name, found, found.calibration) for name, found in pairs if found.calibration]
    rows = []
    for name, found, figures in known:
        errors = (figures.error, figures.error_equal_mass, figures.brier)
        expected = "-" if found.expected_precision is None else _percent(found.expected_precision)
        rows.append(
            [name, *(f"{error:.4f}" for error in errors), expected, _percent(found.matches.precision)]
        )
    console.table(header, rows, "Calibration (expected calibration error over 10 bins)")
    if len(known) == 1:  # several files would make a long list; --json has all of them
        console.write("")
        _show_bins(known[0][2])


def _show_bins(figures: "Calibration") -> None:
    rows = []
    for part in figures.bins:
        shares = (part.mean_probability, part.match_share)
        rows.append([f"{part.low:.1f} to {part.high:.1f}", f"{part.pairs:,}", *map(_percent, shares)])
    console.table(
        ["probability", "pairs", "mean %", "matches %"],
        rows,
        "Reliability: stated probability against the share of matches",
    )


def _f1(quality: "Quality | None") -> str:
    return _percent(quality.f1) if quality else "-"


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"
