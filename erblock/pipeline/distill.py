"""Distils a fitted neural model into a student: a hash with similar vectors, without the language model."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from erblock.comparison.fitted import EVIDENCE_FILE, LABELS_FILE
from erblock.config import Config
from erblock.errors import ConfigError, ModelError, TableError
from erblock.hashing.base import Progress, silent
from erblock.hashing.neural import NeuralHasher, encode_hybrid
from erblock.hashing.store import (
    Extras,
    Model,
    Provenance,
    check_target,
    load_model,
    model_digest,
    read_manifest,
    save_model,
)
from erblock.hashing.student import StudentHasher
from erblock.pipeline.inputs import Texts, open_tables, sizes_of, texts_of
from erblock.pipeline.labelled import stored_labels
from erblock.pipeline.model import with_model_columns
from erblock.pipeline.places import check_distill_places
from erblock.tables.writing import locked
from erblock.training.distill import DistillOptions, distill_embeddings

_HELD_OUT_SHARE = 0.05
_HELD_OUT_MOST = 1_000
_LEAST_TEXTS = 20


@dataclass(frozen=True)
class DistillReport:
    """The report of distillation.

    `texts`: the number of distinct texts, held-out ones included. `features`: the number of features with an
    embedding. `agreement`: the mean cosine between the vectors of student and teacher on held-out texts.
    """

    output: Path
    records: tuple[int, ...]
    texts: int
    features: int
    agreement: float


def distill(config: Config, *, force: bool = False, on_progress: Progress = silent) -> DistillReport:
    """Train a student on the vectors of a neural model for the configured tables, and write it.

    The teacher is the model of [block]. An existing model is replaced only with `force`.

    Raises:
        ErblockError: if a table or the model cannot be used; nothing is written then.
    """
    folder, output = _teacher_folder(config), Path(config.distill.output)
    check_target(output, overwrite=force)
    with locked(output):
        return _distilled(config, folder, force, on_progress)


def _distilled(config: Config, folder: Path, force: bool, on_progress: Progress) -> DistillReport:
    options = config.distill
    output = Path(options.output)
    known = _known(folder)
    tables = open_tables(with_model_columns(config))
    texts = _drawn(texts_of(tables), options.texts, options.seed)
    teacher = load_model(folder, config.block.device, config.block.precision)
    assert isinstance(teacher.hasher, NeuralHasher)  # checked by `_teacher_folder`
    student, agreement = _taught(teacher.hasher, texts, on_progress)
    digests = {**teacher.provenance.digests, "teacher": model_digest(folder)}
    notes = {"distilled_from": len(texts), "agreement": round(agreement, 4)}
    model = Model(student, Provenance(teacher.provenance.columns, digests, notes))
    save_model(model, output, known, overwrite=force)
    return DistillReport(output, sizes_of(tables), len(texts), len(student.embeddings.features), agreement)


def _teacher_folder(config: Config) -> Path:
    """Return the folder of the teacher.

    Raises:
        ErblockError: if no neural model is named, or the student would overwrite the teacher.
    """
    if config.block.model is None:
        raise ConfigError("a student needs a teacher: fit a model with 'erblock fit', then name its folder")
    folder = Path(config.block.model)
    kind = read_manifest(folder)["kind"]
    if kind != "neural":
        raise ModelError(f"{folder}: expected a model of the method neural to learn from, found {kind}")
    check_distill_places(config)
    return folder


def _drawn(texts: Texts, most: int, seed: int) -> pl.Series:
    """Return at most `most` distinct texts, drawn at random.

    Raises:
        TableError: if there are too few texts.
    """
    distinct = pl.concat(texts.sides).drop_nulls().unique().sort()
    distinct = distinct.filter(distinct != "")
    if len(distinct) < _LEAST_TEXTS:
        raise TableError(
            f"a student needs at least {_LEAST_TEXTS} distinct records to learn from, found {len(distinct)}"
        )
    return distinct.gather(np.random.default_rng(seed).permutation(len(distinct))[:most])


def _taught(teacher: NeuralHasher, texts: pl.Series, on_progress: Progress) -> tuple[StudentHasher, float]:
    """Return the student, and the mean cosine between its vectors and the teacher's on held-out texts."""
    hybrid = encode_hybrid(teacher.encoder, teacher.weights, texts, on_progress)
    vectors = hybrid.dense.vectors
    held = min(_HELD_OUT_MOST, max(1, int(_HELD_OUT_SHARE * len(texts))))
    embeddings = distill_embeddings(hybrid.sparse[held:], vectors[held:], DistillOptions())
    student = StudentHasher(embeddings, teacher.weights, teacher.cells, teacher.plan)
    seen = embeddings.vectors(hybrid.sparse[:held])
    return student, float((seen * vectors[:held]).sum(axis=1).mean())


def _known(folder: Path) -> Extras:
    """Return the column evidence and the labels of the teacher."""
    evidence, labels = folder / EVIDENCE_FILE, stored_labels(folder)
    return Extras(
        {} if labels is None else {LABELS_FILE: labels},
        {EVIDENCE_FILE: evidence.read_text(encoding="utf-8")} if evidence.is_file() else {},
    )
