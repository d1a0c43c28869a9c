"""Make `formats`: a zipped folder of every kind that erblock writes and reads again, of the formats of today.

    python tests/data/make_formats.py

Files of older formats stay as they are: what they hold must load, or be refused in one line. Whoever gives a
kind a new format runs this, and commits the new file beside the old one.
"""

import os
import random
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from erblock.blocking import key_folder
from erblock.cli import app
from erblock.hashing import store
from erblock.matching import store as matchers

HERE = Path(__file__).parent
TABLES = ["left.csv", "right.csv"]
RUN = ["--device", "cpu", "--precision", "float32"]
MATCH = ["match", *TABLES, "--pairs", "pairs.csv", "-o", "matches.csv"]
PLM = ["--matcher", "plm", "--model", "neural", "--no-fine-tune"]


def write_tables() -> None:
    """Write two tables of sixty products; those of one number are the same."""
    draw = random.Random(0)
    words = ["".join(draw.choices("bcdfgklmnprst", k=2)) + draw.choice("aeiou") for _ in range(90)]
    rows = [(" ".join(draw.sample(words, 3)), f"m{draw.randrange(1000, 9999)}") for _ in range(60)]
    left = {"id": [f"l{i}" for i in range(60)], "name": [f"{name} {code}" for name, code in rows]}
    right = {"id": [f"r{i}" for i in range(60)], "name": [f"{code} {name}".upper() for name, code in rows]}
    for file, columns in zip(TABLES, (left, right), strict=True):
        pl.DataFrame(columns).write_csv(file)


def main() -> None:
    """Write the tables, the pairs and the zipped folders."""
    formats = HERE / "formats"
    formats.mkdir(exist_ok=True)
    made = {
        f"minhash-{store.FORMAT}": ["fit", *TABLES, "--method", "minhash", "-o", "minhash"],
        "pairs.csv": ["block", *TABLES, "-o", "pairs.csv"],
        f"neural-{store.FORMAT}": [
            *["fit", *TABLES, "--encoder", str(HERE / "tiny-encoder"), "--max-steps", "0", *RUN],
            *["-o", "neural"],
        ],
        f"student-{store.FORMAT}": ["distill", "neural", *TABLES, "--device", "cpu", "-o", "student"],
        f"keys-{key_folder.FORMAT}": ["keys", "left.csv", "--model", "minhash", "-o", "keys"],
        f"matcher-{matchers.FORMAT}": [*MATCH, "--save", "matcher"],
        f"plm-{matchers.FORMAT}": [*MATCH, *PLM, *RUN, "--save", "plm"],
    }
    with TemporaryDirectory() as folder:
        os.chdir(folder)
        write_tables()
        for name, command in made.items():
            assert app.run(command) == 0, command
            kind = Path(name.rpartition("-")[0] or name)
            if kind.is_dir():
                pack(kind, formats / f"{name}.zip")
        for name in [*TABLES, "pairs.csv"]:
            (formats / name).write_bytes(Path(name).read_bytes())


def pack(folder: Path, path: Path) -> None:
    """Zip a folder; the same files give the same bytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                packed.writestr(
                    zipfile.ZipInfo(file.relative_to(folder).as_posix()),
                    file.read_bytes(),
                    zipfile.ZIP_DEFLATED,
                )


if __name__ == "__main__":
    main()
