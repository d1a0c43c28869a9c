"""Small tables for rules."""

import pytest


@pytest.fixture(scope="session")
def shop(records, pair_of):
    """Two shops; product i of one is product i of the other, the last of each is alone."""
    left = records(
        "left",
        name=["Sony Turntable PSLX350H", "Bose Speaker AM53BK", "Canon Camera SD750", "Weber Grill"],
        price=["$149.00", None, "$199.99", "$300"],
        brand=["Sony", "Bose", "Canon", "Weber"],
        title=["a", "b", "c", "d"],
    )
    right = records(
        "right",
        name=[
            "sony ps-lx350h belt turntable",
            "Bose Acoustimass AM53BK",
            "Canon SD750 digital camera",
            "Miele Oven",
        ],
        price=["$145.00", "$399.00", "n/a", "$900"],
        brand=["SONY", "bose", "Canon", "Miele"],
        label=["a", "b", "c", "x"],
    )
    return pair_of(left, right)
