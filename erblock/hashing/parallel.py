"""Work on rows: loops compiled by Numba, chunks spread over the cores.

What runs here must give the same result for any number of threads and on any processor: every chunk writes
its own part, and sums keep their order.

Decision: docs/decisions/004-compiled-loops.md.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from threading import local
from typing import Any, TypeVar, cast

import numba
import numpy as np
import polars as pl

_F = TypeVar("_F", bound=Callable[..., Any])
_In = TypeVar("_In")
_Out = TypeVar("_Out")

# PyTorch's OpenMP reads this when it is loaded. Beside other processes, threads that spin while they wait
# take the cores from the work they wait for: training takes twice as long (make bench-busy).
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

_thread = local()

ZERO = cast(int, np.int64(0))
"""The start of a compiled loop. Numba would compile a function twice that is passed a literal 0 first."""

_NO_C_WRAPPER: dict[str, Any] = {"no_cfunc_wrapper": True}  # No other library calls what is compiled here.
_INNER: dict[str, Any] = {"no_cpython_wrapper": True, **_NO_C_WRAPPER}


def njit(function: _F) -> _F:
    """Return `function` compiled to machine code at its first call; it runs without Python's lock.

    What was compiled is kept on disk beside the module or in the user's cache folder.
    """
    try:
        return cast(_F, numba.njit(nogil=True, cache=True, **_NO_C_WRAPPER)(function))
    except RuntimeError:  # Neither folder can be written to: it is compiled anew in every process.
        return cast(_F, numba.njit(nogil=True, **_NO_C_WRAPPER)(function))


def inner(function: _F) -> _F:
    """Return `function` compiled as a part of the compiled functions that call it; Python cannot call it.

    What lets Python call a compiled function, and a file of its own in the cache, take longer than a small
    function itself.
    """
    return cast(_F, numba.njit(**_INNER)(function))


def in_parallel(work: Callable[[_In], _Out], parts: Iterable[_In]) -> Iterator[_Out]:
    """Yield `work(part)` for every part, in order, on as many threads as polars uses.

    No more parts are taken or kept ahead than there are threads: it bounds the memory. Work that is itself a
    part of such work stays on its thread.
    """
    threads, coming = pl.thread_pool_size(), iter(parts)
    if threads == 1 or getattr(_thread, "is_busy", False):
        yield from map(work, coming)
        return
    first = list(islice(coming, threads))
    if len(first) < 2:  # Such a part is small, and a thread takes as long to start.
        yield from map(work, first)
        return
    with ThreadPoolExecutor(threads, initializer=_mark_busy) as pool:
        waiting: list[Future[_Out]] = [pool.submit(work, part) for part in first]
        while waiting:
            done = waiting.pop(0).result()
            waiting.extend(pool.submit(work, part) for part in islice(coming, 1))
            yield done


def _mark_busy() -> None:
    _thread.is_busy = True


@contextmanager
def one_thread() -> Iterator[None]:
    """Let PyTorch compute on the thread that calls it alone, in the order that one thread rounds in."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
