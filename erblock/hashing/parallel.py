"""Parallel work on rows: loops compiled by Numba, chunks distributed over the cores.

Results must be the same for any number of threads and on any processor: every chunk writes its own part, and
sums have a fixed order.

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
    """Return `function` compiled to machine code at its first call; it releases the GIL.

    Compiled code is cached on disk beside the module or in the user's cache folder.
    """
    try:
        return cast(_F, numba.njit(nogil=True, cache=True, **_NO_C_WRAPPER)(function))
    except RuntimeError:  # Neither folder can be written to, so every process compiles again.
        return cast(_F, numba.njit(nogil=True, **_NO_C_WRAPPER)(function))


def inner(function: _F) -> _F:
    """Return `function` compiled into the compiled functions that call it; Python cannot call it.

    For a small function, the wrapper for Python and the cache file take longer to make than its code.
    """
    return cast(_F, numba.njit(**_INNER)(function))


def in_parallel(work: Callable[[_In], _Out], parts: Iterable[_In]) -> Iterator[_Out]:
    """Yield `work(part)` for every part, in order, on as many threads as polars uses.

    At most as many parts as threads are taken or kept ahead, which limits the memory. Nested calls stay on
    their thread.
    """
    threads, coming = pl.thread_pool_size(), iter(parts)
    if threads == 1 or getattr(_thread, "is_busy", False):
        yield from map(work, coming)
        return
    first = list(islice(coming, threads))
    if len(first) < 2:  # A single or nested part runs on this thread, because starting another takes as long.
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
    """Let PyTorch compute on the calling thread only, so that sums have the order of one thread."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
