"""`erblock warmup`."""

from erblock.cli import console


def warmup() -> None:
    """Compile what the first run would, and keep it on disk; for images of containers.

    Example: erblock warmup
    """
    from erblock.pipeline.warmup import warmup as run

    console.write(f"kernels compiled in {run():.1f} s; this user's next runs find them")
