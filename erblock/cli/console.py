"""The only place of erblock that prints: text, tables, progress and errors.

Results go to stdout, everything else to stderr, so that a pipe carries results only. Output to a file or a
pipe is plain text: no colour, no box, nothing cut to a width.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from io import TextIOWrapper
from math import isfinite
from shutil import get_terminal_size
from typing import IO, Any

from erblock.cli.progress import OnProgress, bars, lines
from erblock.errors import visible

EXIT_FAILED = 1
EXIT_ERROR = 2
EXIT_INTERRUPTED = 130


@dataclass
class _State:
    """Settings of the console for one command line.

    `remarks` wait to be printed before the next line; `kept` says what an interruption leaves behind.
    """

    quiet: bool = False
    verbose: bool = False
    results_on_stderr: bool = False
    remarks: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)


_state = _State()


def begin() -> None:
    """Reset the console for a new command line."""
    global _state  # noqa: PLW0603
    _state = _State()


def set_volume(*, quiet: bool, verbose: bool) -> None:
    """Set the volume: quiet prints only results and errors, verbose also the time of each step."""
    _state.quiet |= quiet
    _state.verbose = (_state.verbose or verbose) and not _state.quiet


def keep(what: str) -> None:
    """Add `what`, which an interruption leaves behind, to the message that `interrupted` prints."""
    _state.kept.append(what)


def interrupted() -> None:
    """Print what an interrupted run leaves behind. By default that is nothing: outputs are written last."""
    _state.remarks.clear()
    kept = "; ".join(_state.kept) or "nothing was written, and existing files are unchanged"
    _print(f"\ninterrupted: {kept}", sys.stderr)


def leave_stdout_to(*outputs: object) -> None:
    """Print results to stderr if an output is "-", so that stdout carries only the table."""
    _state.results_on_stderr = any(str(output) == "-" for output in outputs)


def _results() -> IO[str] | None:
    return sys.stderr if _state.results_on_stderr else sys.stdout


def accept_any_character() -> None:
    """Escape printed characters that the encoding of a stream lacks; some terminals know only ASCII."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def give_up_output() -> None:
    """Discard all further output to stdout, which refused a write; else Python tries again on exit."""
    if sys.stdout is not None:
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def write(text: str) -> None:
    """Print text to stdout. Control characters are escaped, so that no terminal obeys them."""
    _print(text, _results())


def note(text: str) -> None:
    """Print a remark to stderr, unless --quiet is set."""
    if not _state.quiet:
        _print(text, sys.stderr)


def remark(text: str) -> None:
    """Print a remark to stderr before the next line. Before an error it is dropped: errors are one line."""
    if not _state.quiet:
        _state.remarks.append(text)


def records_read(sizes: Sequence[int]) -> None:
    """Print how many records each table has, so that a user notices records lost in reading."""
    note(f"records read: {' and '.join(f'{size:,}' for size in sizes)}")


def error(message: str) -> None:
    """Print an error to stderr, on one line."""
    _state.remarks.clear()
    _print("error: " + " ".join(message.split()), sys.stderr)


def write_json(data: Any) -> None:
    """Print data to stdout as one JSON document. Infinity and NaN become null, as JSON has neither."""
    import json

    def plain(value: Any) -> str:
        return value.hex() if isinstance(value, bytes) else str(value)

    text = json.dumps(_finite(data), indent=2, ensure_ascii=False, default=plain)
    write("".join(char if char.isprintable() or char == "\n" else json.dumps(char)[1:-1] for char in text))


def _finite(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _finite(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_finite(value) for value in data]
    return None if isinstance(data, float) and not isfinite(data) else data


def table(header: Sequence[str], rows: Sequence[Sequence[str]], title: str = "") -> None:
    """Print a table to stdout; columns that hold only numbers are aligned to the right.

    On a terminal that is too narrow for the table, each row is printed as a list of names and values.
    """
    header, rows, title = (
        [visible(name) for name in header],
        [list(map(visible, row)) for row in rows],
        visible(title),
    )
    right = [_is_numeric(column) for column in zip(*rows, strict=True)] or [False] * len(header)
    if _is_terminal(_results()) and _least_width([header, *rows]) > get_terminal_size().columns:
        _lists(header, rows, title)
    elif _is_terminal(_results()):
        _rich_table(header, rows, right, title)
    else:
        _plain_table(header, rows, right, title)


def ask(prompt: str) -> str | None:
    """Print a question to stderr and return the line that answers it; None at the end of the input."""
    if sys.stderr is not None:
        sys.stderr.write(prompt)
        sys.stderr.flush()
    line = sys.stdin.readline() if sys.stdin else ""  # stdin is None if the process has none
    if not line or not sys.stdin.isatty():
        note("")  # nobody pressed Enter, so the line has not ended
    return line or None


def side_by_side(
    heads: tuple[str, str], rows: Sequence[tuple[str, str, str, str]], *, is_result: bool = False
) -> None:
    """Print two records to stderr, or to stdout if they are a result.

    A row is (mark, column name, left value, right value). On a terminal, a marked row highlights the words
    that the other value lacks. Elsewhere, where lines may be long, the right value is printed below the left
    one.
    """
    heads = (visible(heads[0]), visible(heads[1]))
    rows = [(mark, visible(name), visible(one), visible(other)) for mark, name, one, other in rows]
    stream = _results() if is_result else sys.stderr
    if _is_terminal(stream):
        _rich_side_by_side(heads, rows, is_result)
        return
    lines = [["", "", heads[0]], ["", "", heads[1]]]
    for mark, name, one, other in rows:
        lines += [[mark, name, one], ["", "", other]]
    for line in _aligned(lines, [False] * 3):
        _print(line, stream)


@contextmanager
def progress() -> Iterator[OnProgress]:
    """Yield a callback `(description, done, total)` that shows each description as a bar with its ETA.

    Without a terminal, the callback prints at most one line every 30 seconds; with --verbose, also one line
    for each step.
    """
    if _is_terminal(sys.stderr) and not _state.quiet:
        with bars() as on_progress:
            yield on_progress
    else:
        yield lines(note, each_step=_state.verbose)


def _print(text: str, stream: IO[str] | None) -> None:
    """Print the waiting remarks, then `text`. `stream` is None if the calling process has closed it."""
    if _state.remarks:
        said = "\n".join(_state.remarks)
        _state.remarks.clear()
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


def _least_width(lines: Sequence[Sequence[str]]) -> int:
    """Return the smallest width of a table in characters, without breaking a word."""
    words = [
        max(len(word) for cell in column for word in (*cell.split(), ""))
        for column in zip(*lines, strict=True)
    ]
    return sum(words) + 3 * len(words)


def _lists(header: Sequence[str], rows: Sequence[Sequence[str]], title: str) -> None:
    if title:
        write(title)
    for row in rows:
        for line in _aligned([*zip(header, row, strict=True), ("", "")], [False, False]):
            write(line)


def _rich_table(
    header: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[bool], title: str
) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    # Values are wrapped in `Text`, so that [bold] or :smile: in a value is printed as it is.
    shown = Table(title=Text(title) if title else None, box=box.SIMPLE_HEAD, title_justify="left")
    for name, to_right in zip(header, right, strict=True):
        shown.add_column(Text(name), justify="right" if to_right else "left", overflow="fold")
    for row in rows:
        shown.add_row(*map(Text, row))
    Console(emoji=False, markup=False, file=_results()).print(shown)


def _rich_side_by_side(
    heads: tuple[str, str], rows: Sequence[tuple[str, str, str, str]], is_result: bool
) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from erblock.tables.differences import words_apart

    def marked(value: str, other: str) -> Text:
        parts = (Text(word, "bold yellow" if lacks else "") for word, lacks in words_apart(value, other))
        return Text(" ").join(parts)

    shown = Table(box=box.SIMPLE_HEAD)
    for head in (Text(""), Text(""), *map(Text, heads)):
        shown.add_column(head, overflow="fold")
    for mark, name, one, other in rows:
        values = (marked(one, other), marked(other, one)) if mark else (Text(one), Text(other))
        shown.add_row(Text(mark, "bold yellow"), Text(name, "bold"), *values)
    Console(stderr=not is_result).print(shown)
