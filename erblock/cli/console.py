"""The only place of erblock that prints: text, tables, progress and errors.

Results go to stdout, everything else to stderr, so that a pipe carries results only. What is not
shown on a terminal is plain text: no colour, no box, nothing cut to a width.
"""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from time import monotonic
from typing import IO, Any

from erblock.errors import visible

OnProgress = Callable[[str, int, int], None]

EXIT_ERROR = 2
EXIT_INTERRUPTED = 130

_remarks: list[str] = []
_results_on_stderr = False


def leave_stdout_to(*outputs: object) -> None:
    """Print results to stderr if an output is "-": stdout carries the table alone."""
    global _results_on_stderr  # noqa: PLW0603
    _results_on_stderr = any(str(output) == "-" for output in outputs)


def _results() -> IO[str] | None:
    return sys.stderr if _results_on_stderr else sys.stdout


def accept_any_character() -> None:
    """Print what the encoding of a stream lacks as escapes: a terminal may know ASCII alone."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def give_up_output() -> None:
    """Let nothing more be written to stdout, which refused: Python would try again at its end."""
    if sys.stdout is not None:
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def write(text: str) -> None:
    """Print text to stdout; only what no terminal obeys."""
    _print(text, _results())


def note(text: str) -> None:
    """Print a remark to stderr."""
    _print(text, sys.stderr)


def remark(text: str) -> None:
    """Print a remark to stderr before whatever is said next; not before an error, which stands alone."""
    _remarks.append(text)


def records_read(sizes: Sequence[int]) -> None:
    """Say how many records each table has: what a reader lost on its way shows here."""
    note(f"records read: {' and '.join(f'{size:,}' for size in sizes)}")


def error(message: str) -> None:
    """Print an error to stderr, on one line."""
    _remarks.clear()
    _print("error: " + " ".join(message.split()), sys.stderr)


def write_json(data: Any) -> None:
    """Print data to stdout as one JSON document."""
    import json

    text = json.dumps(data, indent=2, ensure_ascii=False, default=str)
    write("".join(char if char.isprintable() or char == "\n" else json.dumps(char)[1:-1] for char in text))


def table(header: Sequence[str], rows: Sequence[Sequence[str]], title: str = "") -> None:
    """Print a table to stdout; columns that hold only numbers are aligned to the right."""
    header, rows, title = (
        [visible(name) for name in header],
        [list(map(visible, row)) for row in rows],
        visible(title),
    )
    right = [_is_numeric(column) for column in zip(*rows, strict=True)] or [False] * len(header)
    if _is_terminal(_results()):
        _rich_table(header, rows, right, title)
    else:
        _plain_table(header, rows, right, title)


def ask(prompt: str) -> str | None:
    """Print a question to stderr and return the line that answers it; None at the end of the input."""
    if sys.stderr is not None:
        sys.stderr.write(prompt)
        sys.stderr.flush()
    line = sys.stdin.readline() if sys.stdin else ""  # None where there is no input at all
    if not line or not sys.stdin.isatty():
        note("")  # nobody pressed Enter
    return line or None


def side_by_side(heads: tuple[str, str], rows: Sequence[tuple[str, str, str, str]]) -> None:
    """Print two records to stderr; a row is a mark, a name and the two values.

    On a terminal, the words of a marked row that the other value lacks stand out. Elsewhere, where lines may
    be long, one value stands below the other.
    """
    heads = (visible(heads[0]), visible(heads[1]))
    rows = [(mark, visible(name), visible(one), visible(other)) for mark, name, one, other in rows]
    if _is_terminal(sys.stderr):
        _rich_side_by_side(heads, rows)
        return
    lines = [["", "", heads[0]], ["", "", heads[1]]]
    for mark, name, one, other in rows:
        lines += [[mark, name, one], ["", "", other]]
    for line in _aligned(lines, [False] * 3):
        note(line)


@contextmanager
def progress() -> Iterator[OnProgress]:
    """Yield a callback `(description, done, total)` that shows each description as a bar with its ETA.

    Without a terminal each description is one line, printed when it is done.
    """
    if _is_terminal(sys.stderr):
        with _rich_progress() as on_progress:
            yield on_progress
    else:
        yield _plain_progress()


def _print(text: str, stream: IO[str] | None) -> None:
    """Print lines; there is no stream at all where a caller has closed it."""
    if _remarks:
        said = "\n".join(_remarks)
        _remarks.clear()
        _print(said, sys.stderr)
    if stream is not None:
        stream.write("\n".join(map(visible, text.split("\n"))) + "\n")
        stream.flush()


def _is_terminal(stream: IO[str] | None) -> bool:
    return stream is not None and stream.isatty()


def _is_numeric(cells: Sequence[str]) -> bool:
    shown = [cell for cell in cells if cell not in ("", "-")]
    return bool(shown) and all(
        cell.strip(" %+-").replace(",", "").replace(".", "").isdigit() for cell in shown
    )


def _plain_table(
    header: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[bool], title: str
) -> None:
    if title:
        write(title)
    for line in _aligned([header, *rows], right):
        write(line)


def _aligned(lines: Sequence[Sequence[str]], right: Sequence[bool]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = zip(line, widths, right, strict=True)
        yield "  ".join(c.rjust(w) if r else c.ljust(w) for c, w, r in cells).rstrip()


def _rich_table(
    header: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[bool], title: str
) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    # As `Text`, so that neither [bold] nor :smile: in a value means anything.
    shown = Table(title=Text(title) if title else None, box=box.SIMPLE_HEAD, title_justify="left")
    for name, to_right in zip(header, right, strict=True):
        shown.add_column(Text(name), justify="right" if to_right else "left", overflow="fold")
    for row in rows:
        shown.add_row(*map(Text, row))
    Console(emoji=False, markup=False, file=_results()).print(shown)


def _rich_side_by_side(heads: tuple[str, str], rows: Sequence[tuple[str, str, str, str]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    def marked(value: str, other: str) -> Text:
        words = set(other.casefold().split())
        parts = (Text(word, "" if word.casefold() in words else "bold yellow") for word in value.split())
        return Text(" ").join(parts)

    shown = Table(box=box.SIMPLE_HEAD)
    for head in (Text(""), Text(""), *map(Text, heads)):
        shown.add_column(head, overflow="fold")
    for mark, name, one, other in rows:
        values = (marked(one, other), marked(other, one)) if mark else (Text(one), Text(other))
        shown.add_row(Text(mark, "bold yellow"), Text(name, "bold"), *values)
    Console(stderr=True).print(shown)


def _plain_progress() -> OnProgress:
    started: dict[str, float] = {}

    def on_progress(description: str, done: int, total: int) -> None:
        start = started.setdefault(description, monotonic())
        if done >= total:
            del started[description]
            note(f"{description}: {total:,} in {monotonic() - start:.1f} s")

    return on_progress


@contextmanager
def _rich_progress() -> Iterator[OnProgress]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    clocks = (TimeElapsedColumn(), TextColumn("ETA"), TimeRemainingColumn())
    with Progress(*columns, *clocks, console=Console(stderr=True)) as bars:
        tasks: dict[str, Any] = {}

        def on_progress(description: str, done: int, total: int) -> None:
            if description not in tasks:
                tasks[description] = bars.add_task(description, total=total)
            bars.update(tasks[description], completed=done, total=total)

        yield on_progress
