"""Checks before the join that --memory suffices; the memory that a run needs is estimated from samples.

Decision: docs/decisions/043-memory-bound.md.
"""

from math import ceil

from erblock.config import Config, bytes_of
from erblock.engines.local import LocalEngine
from erblock.errors import ConfigError
from erblock.hashing.base import Progress, silent

INTERPRETER = 400_000_000
"""Bytes that Python and the libraries need for tables of any size; --memory does not include them."""

_LEAST, _BYTES_A_RECORD, _TIMES_READ = 370_000_000, 40_000, 4
"""Terms of an upper bound on the bytes of a run: fixed bytes, bytes per record, a multiple of table sizes.

Measured per record: 37 kB with 2,000 records per table, 9 kB with 100,000.
"""

_SECONDS, _MARGIN = 10.0, 1.25
"""Seconds to spend on samples, and the safety factor by which their estimate is multiplied.

Measured at 20,000 records per table: 1,022 MB for an estimate of 828 MB.
"""


def check_memory(config: Config, engine: LocalEngine, on_progress: Progress = silent) -> None:
    """Raise ConfigError if blocking the tables of `engine` needs more memory than the settings allow.

    This memory is estimated by blocking samples for some seconds, unless an upper bound on it is below the
    limit.
    """
    if config.block.memory is None:
        return
    limit, tables = bytes_of(config.block.memory), engine.tables
    frames = [tables.left.frame] if tables.dedup else [tables.left.frame, tables.other.frame]
    at_most = _LEAST + sum(
        _BYTES_A_RECORD * frame.height + _TIMES_READ * frame.estimated_size() for frame in frames
    )
    # The bound does not include a language model and torch.
    if at_most <= limit + INTERPRETER and engine.hasher.kind != "neural":
        return
    from erblock.pipeline.plan import plan

    # Samples do not show how many pairs exact keys add, so the estimate is a lower bound.
    options = config.block.model_copy(update={"block_on": ()})
    needed = plan(config.model_copy(update={"block": options}), on_progress, _SECONDS).memory * _MARGIN
    if needed > limit + INTERPRETER:
        least = 50 * ceil((needed - INTERPRETER) / 50_000_000)
        raise ConfigError(
            f"--memory {config.block.memory}: by samples of these tables, blocking needs "
            f"{needed / 1e6:,.0f} MB, 400 MB of it for erblock itself; set --memory {least}MB or more, "
            "or leave it out"
        )
