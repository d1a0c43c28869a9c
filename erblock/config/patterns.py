"""Patterns of the values of settings: amounts of memory, devices, counts."""

MEMORY = r"^(0*[1-9]\d{0,8}(\.\d{1,9})?|0+\.\d{0,8}[1-9]\d{0,8}) ?[MGT]i?B$"
"""The pattern of an amount of memory: 500MB, 1.5 GB, 4GiB; more than zero."""

DEVICE = r"^(auto|cpu|cuda(:\d{1,3})?|mps)$"
"""The pattern of a device; one of several GPUs has its number, as in cuda:1."""

MOST = 1_000_000_000
"""The largest count that a key accepts; more rows fit into no memory."""


def bytes_of(memory: str) -> int:
    """Return the number of bytes of an amount of memory in the pattern `MEMORY`."""
    number = memory.rstrip("iB").rstrip("MGT")
    base = 1024 if "i" in memory else 1000
    return int(float(number) * base ** (2 + "MGT".index(memory.removeprefix(number)[0])))
