"""What an installation weighs: `make bench-weight`.

usage: weight.py [--markdown docs/weight.md]

The sizes of the files that each package of this environment was installed with, summed over what erblock asks
for by itself and with each extra.
"""

import argparse
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from common import give, written_by
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

FOR_USERS = ("neural", "minilm", "spark", "excel", "remote", "databases", "values", "report", "all")
_NAMED = 5
MEGABYTE = 1_000_000


def main() -> None:
    """Measure, and print or write the page."""
    parser = argparse.ArgumentParser(description="What an installation weighs.")
    parser.add_argument("--markdown", type=Path, help="write the page here")
    give(page_of(), parser.parse_args().markdown)


def page_of() -> Iterator[str]:
    """Yield the lines of the page."""
    base = needed("erblock", frozenset())
    yield from ("# What an installation weighs", "", written_by("bench-weight"), "")
    yield from (
        "Megabytes on disk: erblock with what it needs, and what each extra adds. The largest packages",
        "are named.",
        "",
        "| | MB | of which |",
        "|---|---|---|",
        row("`erblock`", base),
    )
    for extra in FOR_USERS:
        yield row(f"`[{extra}]`", needed("erblock", frozenset({extra})) - base, "+ ")


def needed(name: str, extras: frozenset[str], seen: frozenset[str] = frozenset()) -> frozenset[str]:
    """Return the package and all that it asks for with these extras; those that are not installed are not."""
    try:
        requirements = distribution(name).requires or []
    except PackageNotFoundError:
        return seen
    seen = seen | {canonicalize_name(name)}
    for asked in map(Requirement, requirements):
        wanted = asked.marker is None or any(asked.marker.evaluate({"extra": e}) for e in extras | {""})
        child = canonicalize_name(asked.name)
        if wanted and (child not in seen or asked.extras):
            seen = seen | needed(child, frozenset(asked.extras), seen)
    return seen


def row(label: str, packages: frozenset[str], sign: str = "") -> str:
    """Return a line of the table."""
    sizes = {name: size_of(name) for name in packages}
    largest = sorted(sizes, key=lambda name: -sizes[name])[:_NAMED]
    named = ", ".join(f"{name} {sizes[name]:.0f}" for name in largest if sizes[name] >= 1)
    return f"| {label} | {sign}{sum(sizes.values()):.0f} | {named} |"


def size_of(name: str) -> float:
    """Return the megabytes of the files that a package was installed with, compiled Python left out."""
    paths = [Path(file.locate()) for file in distribution(name).files or () if file.suffix != ".pyc"]
    return sum(path.stat().st_size for path in paths if path.is_file()) / MEGABYTE


if __name__ == "__main__":
    main()
