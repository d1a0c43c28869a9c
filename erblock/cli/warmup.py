"""`erblock warmup`."""

from erblock.cli import console


def warmup() -> None:
    """Compile the numba kernels once and keep them on disk, such as in a container image.

    Example: erblock warmup
    """
    from erblock.pipeline.warmup import warmup as run

    console.write(f"kernels compiled in {run():.1f} s; later runs of this user reuse them")
