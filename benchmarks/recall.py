"""The estimated recall beside the true one: `make bench-recall`, from the rows of `make bench-quality`.

For every data set and method, the cuts that --target-recall makes at 0.9, 0.95, 0.97 and 0.99, all that was
written, and the share of all known matches that each truly keeps.

usage: recall.py [SET ...] [--rows runs/quality/quality.json] [--markdown docs/recall.md]
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from common import ROOT, written_by
from summary import holds, interval

Row = dict[str, Any]


def main() -> None:
    """Print the rows; write the page."""
    parser = argparse.ArgumentParser(description="The estimated recall beside the true one.")
    parser.add_argument("sets", nargs="*", metavar="SET", help="default: all that were measured")
    parser.add_argument("--rows", type=Path, default=ROOT / "runs" / "quality" / "quality.json")
    parser.add_argument("--markdown", type=Path)
    options = parser.parse_args()
    known = json.loads(options.rows.read_text())["rows"]
    lines = list(as_markdown([row for row in known if not options.sets or row["set"] in options.sets]))
    print("\n".join(lines))
    if options.markdown:
        options.markdown.write_text("\n".join(lines) + "\n")


def as_markdown(rows: Sequence[Row]) -> Iterator[str]:
    """Yield the lines of the page for docs/."""
    cells = [cell for row in rows for cell in row.get("estimates", {}).values()]
    widest = max((100 * (cell["high"] - cell["low"]) for cell in cells), default=0.0)
    held = sum(map(holds, cells))
    yield from ("# Estimated recall", "", written_by("bench-recall"), "")
    yield "What `--target-recall` keeps, the share of all known matches that this truly is, examined or not,"
    yield "and the estimate with its interval, in percent. *written*: all pairs that bench-quality wrote."
    yield f"{held} of {len(cells)} intervals hold the true recall; the widest has {widest:.1f} points."
    yield ""
    yield "| set | method | cut | candidate pairs | true | estimated | interval | holds |"
    yield "|---|---|---|---|---|---|---|---|"
    for row in rows:
        for aim, cell in row.get("estimates", {}).items():
            shares = f"{100 * cell['true']:.1f} | {100 * cell['value']:.1f} | {interval(cell)}"
            told = f"{cell['pairs']:,} | {shares} | {'yes' if holds(cell) else 'no'}"
            yield f"| {row['set']} | {row['method']} | {aim} | {told} |"


if __name__ == "__main__":
    main()
