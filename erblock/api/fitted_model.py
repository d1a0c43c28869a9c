"""A fitted hash as an object that wraps a model folder."""

import shutil
from dataclasses import dataclass
from html import escape
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any, Unpack
from weakref import finalize

from erblock.api import functions
from erblock.api.call import called, documented
from erblock.config.keywords import (
    BlockKeywords,
    FitKeywords,
    ModelKeywords,
    PathName,
    PlanKeywords,
    Table,
    WhyKeywords,
)

if TYPE_CHECKING:
    import polars as pl

    from erblock.pipeline.plan import Plan
    from erblock.pipeline.why import Explanation


@dataclass(frozen=True)
class Model:
    """A fitted hash. Every function that takes a model accepts it.

    `folder`: the folder with the files of the model. The folder of a model that was not saved is removed with
    the object.
    """

    folder: Path

    def __fspath__(self) -> str:
        """Return the folder of the model."""
        return str(self.folder)

    def _repr_html_(self) -> str:
        """Return a small HTML table that describes the model, for notebooks."""
        from erblock.comparison.fitted import EVIDENCE_FILE, LABELS_FILE
        from erblock.hashing.store import read_manifest

        manifest = read_manifest(self.folder)
        learned = {EVIDENCE_FILE: "weights of the columns", LABELS_FILE: "labels of pairs"}
        rows = {
            "hash": manifest["kind"],
            "columns": ", ".join(manifest["columns"]),
            "bands": manifest["plan"]["bands"],
            "seed": manifest["plan"]["seed"],
            "holds": ", ".join(what for file, what in learned.items() if (self.folder / file).is_file()),
            "folder": self.folder,
        }
        cells = "".join(
            f"<tr><th>{name}</th><td>{escape(str(value))}</td></tr>" for name, value in rows.items()
        )
        return f"<table><caption>erblock model</caption>{cells}</table>"

    def block(
        self, left: Table, right: Table | None = None, **keywords: Unpack[BlockKeywords]
    ) -> "pl.DataFrame":
        """Return candidate pairs, as `erblock.block` does."""
        return functions.block(left, right, model=self, **keywords)

    def keys(self, table: Table, *, right: bool = False, **keywords: Unpack[ModelKeywords]) -> "pl.DataFrame":
        """Return the bucket keys of one table, as `erblock.keys` does."""
        return functions.keys(table, model=self, right=right, **keywords)

    def plan(
        self,
        left: Table,
        right: Table | None = None,
        *,
        seconds: float = 20,
        **keywords: Unpack[PlanKeywords],
    ) -> "Plan":
        """Return the estimated cost and result of blocking, as `erblock.plan` does."""
        return functions.plan(left, right, model=self, seconds=seconds, **keywords)

    def why(
        self, ids: tuple[Any, Any], left: Table, right: Table | None = None, **keywords: Unpack[WhyKeywords]
    ) -> "Explanation":
        """Return why two records are, or are not, a candidate pair, as `erblock.why` does."""
        return functions.why(ids, left, right, model=self, **keywords)

    def save(self, folder: PathName, *, force: bool = False) -> None:
        """Write the model to a folder, for `erblock.load` and for `--model` of the command line.

        Args:
            folder: The path of the folder, which must be missing or empty unless `force` replaces a model.
            force: Replace an existing model.

        Raises:
            ErblockError: if the folder has other content, or cannot be written.
        """
        from erblock.hashing.store import check_target
        from erblock.tables.guard import Read, Write, check_places
        from erblock.tables.writing import whole_folder

        place = Path(folder)
        check_places([Write("save", place, whole=True)], [Read("the model", self.folder)])
        with whole_folder(place) as beside:
            check_target(place, overwrite=force)
            shutil.copytree(self.folder, beside, dirs_exist_ok=True)


def load(folder: PathName) -> Model:
    """Return the model in a folder that `Model.save` or `erblock fit` wrote.

    Args:
        folder: The path of the folder.

    Returns:
        The model. Each call that uses the model reads the folder again.

    Raises:
        ModelError: if the folder has no model, or a model of another version.
    """
    from erblock.hashing.store import read_manifest

    read_manifest(Path(folder))
    return Model(Path(folder))


@documented
def fit(left: Table, right: Table | None = None, **keywords: Unpack[FitKeywords]) -> Model:
    """Fit a hash to tables, rules and labels, as `erblock fit` does.

    Args:
        left: The left table.
        right: The right table; without it, `left` is deduplicated.
        **keywords: Keys of [tables], [rules] and [fit].

    Returns:
        The model, in a temporary folder; `Model.save` keeps it.

    Raises:
        ErblockError: if a table, a rule, the labels or the encoder cannot be used.
    """
    from erblock.pipeline.fit import fit as run

    folder = mkdtemp(prefix="erblock-")
    model = Model(Path(folder, "model"))
    finalize(model, shutil.rmtree, folder, ignore_errors=True)
    with called("fit", keywords, {"left": left, "right": right}, output=model) as call:
        run(call.config)
    return model
