"""Progress of a run: bars on a terminal, a line from time to time elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

OnProgress = Callable[[str, int, int], None]
"""A callback that gets the description of a step, the amount done, and the total amount."""

_SILENCE = 30.0
"""The least number of seconds between two lines."""


def lines(say: Callable[[str], None], *, each_step: bool) -> OnProgress:
    """Return a callback that prints at most a line every 30 s; with `each_step`, also each step's time."""
    started: dict[str, float] = {}
    said = monotonic()

    def on_progress(description: str, done: int, total: int) -> None:
        nonlocal said
        now = monotonic()
        seconds = now - started.setdefault(description, now)
        if done >= total:
            del started[description]
            if each_step:
                say(f"{description}: {total:,} in {seconds:.1f} s")
        elif now - said >= _SILENCE:
            said = now
            left = f", about {seconds * (total - done) / done:.0f} s to go" if done else ""
            say(f"{description}: {done:,} of {total:,} in {seconds:.0f} s{left}")

    return on_progress


@contextmanager
def bars() -> Iterator[OnProgress]:
    """Yield a callback that shows each step as a bar on the terminal behind stderr."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    shown = Console(stderr=True)
    # The bar shares its line with the description, two numbers and two clocks.
    bar = BarColumn(bar_width=max(5, min(40, shown.width - 50)))
    columns = (TextColumn("{task.description}", markup=False), bar, MofNCompleteColumn())
    clocks = (TimeElapsedColumn(), TextColumn("ETA"), TimeRemainingColumn())
    with Progress(*columns, *clocks, console=shown) as bars:
        tasks: dict[str, Any] = {}

        def on_progress(description: str, done: int, total: int) -> None:
            if description not in tasks:
                tasks[description] = bars.add_task(description, total=total)
            bars.update(tasks[description], completed=done, total=total)

        yield on_progress
