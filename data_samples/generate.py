"""Make the sample tables: `python generate.py [FOLDER]`, by default into the folder of this file.

Needs Python alone. The same seed gives the same bytes on every machine: all chance comes from
`random.Random.random`, whose sequence Python guarantees.
"""

import csv
import sys
from pathlib import Path

from people import people_tables
from products import product_tables

SEED = 20260101


def main() -> None:
    """Write every sample table."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    for name, rows in {**product_tables(SEED), **people_tables(SEED)}.items():
        with (folder / name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
