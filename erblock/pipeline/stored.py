"""Uses folders of keys in place of tables: their records are read, and their sketches need no hashing."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from erblock.blocking.key_folder import KeyFolder, find_key_folder
from erblock.config import TablesConfig
from erblock.errors import ConfigError
from erblock.hashing.base import Sketch
from erblock.hashing.store import model_digest
from erblock.tables.schemas import ID


@dataclass(frozen=True)
class StoredTables:
    """The folders of keys of both sides, None for a side that is a table."""

    left: KeyFolder | None
    right: KeyFolder | None

    def check(self, model: Path | None) -> None:
        """Raise ErblockError unless each folder has keys of `model`."""
        for folder in (self.left, self.right):
            if folder is not None and model is None:
                raise ConfigError(f"{folder.path} has keys of a model; name the model with --model FOLDER")
            if folder is not None and model is not None:
                folder.check_model(model_digest(model), model)

    def records(self, tables: TablesConfig) -> TablesConfig:
        """Return the settings with each folder replaced by its records."""
        changed: dict[str, str] = {}
        for side, folder in (("left", self.left), ("right", self.right)):
            if folder is not None:
                changed |= {side: folder.records, f"{side}_id": ID}
        return tables.model_copy(update=changed)

    def sides(self, left: pl.Series, right: pl.Series) -> tuple[pl.Series | Sketch, pl.Series | Sketch]:
        """Return the stored sketch of each side, or its texts if there is none."""
        sketches = self.sketches()
        return left if sketches[0] is None else sketches[0], right if sketches[1] is None else sketches[1]

    def sketches(self) -> tuple[Sketch | None, Sketch | None]:
        """Return the stored sketches of both sides, None if there is none."""
        left, right = (None if folder is None else folder.sketch() for folder in (self.left, self.right))
        return left, right


def stored_tables(tables: TablesConfig) -> StoredTables:
    """Return the tables that are folders of keys."""
    return StoredTables(find_key_folder(tables.left), find_key_folder(tables.right))
