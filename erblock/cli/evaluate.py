"""`erblock evaluate`."""


def evaluate() -> None:
    """Measure candidate pairs against known matches."""
