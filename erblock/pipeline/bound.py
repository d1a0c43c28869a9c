"""Compares the bound on memory with what a run needs, estimated from samples before the join.

Decision: docs/decisions/043-memory-bound.md.
"""

from math import ceil

from erblock.config import Config, bytes_of
from erblock.engines.local import LocalEngine
from erblock.errors import ConfigError
from erblock.hashing.base import Progress, silent

INTERPRETER = 400_000_000
"""Bytes of Python and the libraries, in addition to the bound, for tables of any size."""

_LEAST, _BYTES_A_RECORD, _TIMES_READ = 370_000_000, 40_000, 4
"""A run of a few records takes the first; each more takes less than the second, besides its text a few times
over: 37 kB at 2,000 a side, 9 kB at 100,000."""

_SECONDS, _MARGIN = 10.0, 1.25
"""Of samples, and how much more than they say a run may take: at 20,000 a side 1,022 MB for 828."""


def check_memory(config: Config, engine: LocalEngine, on_progress: Progress = silent) -> None:
    """Raise ConfigError if blocking the tables of `engine` would take more memory than the settings allow.

    Samples are blocked for some seconds to tell, unless the bound is far away.
    """
    if config.block.memory is None:
        return
    limit, tables = bytes_of(config.block.memory), engine.tables
    frames = [tables.left.frame] if tables.dedup else [tables.left.frame, tables.other.frame]
    at_most = _LEAST + sum(
        _BYTES_A_RECORD * frame.height + _TIMES_READ * frame.estimated_size() for frame in frames
    )
    # A language model takes its own size, and torch comes in addition.
    if at_most <= limit + INTERPRETER and engine.hasher.kind != "neural":
        return
    from erblock.pipeline.plan import plan

    # Samples do not show how many pairs exact keys add, so the estimate is a lower bound.
    options = config.block.model_copy(update={"block_on": ()})
    needed = plan(config.model_copy(update={"block": options}), on_progress, _SECONDS).memory * _MARGIN
    if needed > limit + INTERPRETER:
        least = 50 * ceil((needed - INTERPRETER) / 50_000_000)
        raise ConfigError(
            f"--memory {config.block.memory}: samples of these tables say that blocking takes "
            f"{needed / 1e6:,.0f} MB, 400 MB of it for erblock itself; give --memory {least}MB or more, "
            "or leave it out"
        )
