"""How far a run is: bars on a terminal, a line now and then elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

OnProgress = Callable[[str, int, int], None]
"""What hears of a step, how much of it is done, and of how much."""

_SILENCE = 30.0
"""Seconds between two lines."""


def lines(say: Callable[[str], None], *, each_step: bool) -> OnProgress:
    """Return a callback that says a line every 30 seconds at most, and if wanted `each_step` that is done."""
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
    # Beside the bar there are a word, two numbers and two clocks.
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
