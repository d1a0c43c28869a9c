"""Fits a hash: rules and labels give triplets, triplets train the encoder, and a model folder is written."""

from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import polars as pl

from erblock.blocking.candidates import JoinReport
from erblock.blocking.score import score_candidates
from erblock.comparison.fitted import EVIDENCE_FILE, LABELS_FILE
from erblock.config import Config, FitConfig
from erblock.errors import require_extra
from erblock.hashing import ngrams
from erblock.hashing.base import Hasher, Progress, silent
from erblock.hashing.cells import CellOptions
from erblock.hashing.codes import coded
from erblock.hashing.encoder import CachingEncoder, Encoder, EncoderOptions, load_encoder
from erblock.hashing.neural import NgramKeys, Sample, fit_neural
from erblock.hashing.store import Extras, Model, Provenance, check_target, save_model
from erblock.pipeline.inputs import Texts, minhash_of, open_tables, sizes_of, texts_of
from erblock.pipeline.knowledge import Knowledge, learn_evidence, sample_of
from erblock.pipeline.label_check import doubts_of_training
from erblock.pipeline.labelled import kept_labels
from erblock.pipeline.places import check_fit_places
from erblock.rules.compile import compile_rules
from erblock.rules.pairs import labelling_pairs
from erblock.rules.triplets import TripletOptions, build_triplets, labelled_pairs
from erblock.scoring.seeds import seed_pairs
from erblock.tables.pairs import read_pairs
from erblock.tables.read import TablePair, csv_of_labels
from erblock.tables.schemas import ID, LABELS
from erblock.tables.text import plain_texts
from erblock.tables.writing import locked, real
from erblock.training.batches import triplet_rows
from erblock.training.fit import TrainingOptions, TrainingReport, TrainingTables, train

TRIPLETS_FILE = "triplets.parquet"

TAUGHT, SUPPOSED = 0.5, 0.25
"""The share of trained weights in the average with pre-trained ones: with supervision, and without."""


@dataclass(frozen=True)
class FitReport:
    """The report of fitting.

    `triplets`: the number of triplets, keyed by rule. `training`: the report of training. MinHash has
    neither. `doubts`: warnings about labels that are probably wrong.
    """

    output: Path
    records: tuple[int, ...]
    triplets: dict[str, int]
    training: TrainingReport | None
    bands: int
    doubts: tuple[str, ...] = ()


def fit(config: Config, *, force: bool = False, on_progress: Progress = silent) -> FitReport:
    """Train a neural hash on the configured tables and rules, and write it as a model folder.

    The method "minhash" instead fits weights and bands to the tables, without rules.

    Raises:
        ErblockError: if a table, a rule, the labels or the encoder cannot be used; nothing is written then.
    """
    options = config.fit
    if options.method == "neural":
        require_extra("torch", "neural", ", or set --method minhash, which needs no torch")
    check_fit_places(config)
    check_target(Path(options.output), overwrite=force)
    with locked(Path(options.output)):
        return _fitted_and_saved(config, force, on_progress)


def _fitted_and_saved(config: Config, force: bool, on_progress: Progress) -> FitReport:
    options = config.fit
    tables = open_tables(config, on_progress=on_progress)
    checkpoint = _checkpoint_of(options)
    fitted = fit_hasher(config, tables, on_progress, checkpoint)
    labels = _read_labels(config, tables)
    known = Knowledge((config.rules.match, config.rules.conflict), labels)
    evidence = learn_evidence(sample_of(tables, options.seed), fitted.hasher, known, on_progress)
    kept = {} if labels is None else {LABELS_FILE: kept_labels(tables, labels)}
    extras = Extras(fitted.tables | kept, {} if evidence is None else {EVIDENCE_FILE: evidence.to_json()})
    model = Model(fitted.hasher, _provenance(config, tables))
    save_model(model, Path(options.output), extras, overwrite=force)
    checkpoint.unlink(missing_ok=True)
    doubts = () if labels is None else doubts_of_training(labels, tables, fitted.hasher.weights)
    return replace(fitted.report, doubts=doubts)


@dataclass(frozen=True)
class Fitted:
    """A fitted hasher, the report, and the tables that are stored with the hasher."""

    hasher: Hasher
    report: FitReport
    tables: dict[str, pl.DataFrame] = field(default_factory=dict)


def fit_hasher(
    config: Config, tables: TablePair, on_progress: Progress = silent, checkpoint: Path | None = None
) -> Fitted:
    """Return a hash fitted to these tables by the configured method; for `checkpoint` see `train`."""
    if config.fit.method == "minhash":
        return _fit_minhash(config, tables)
    return _fit_neural(config, tables, on_progress, checkpoint)


def _fit_minhash(config: Config, tables: TablePair) -> Fitted:
    hasher = minhash_of(texts_of(tables))
    return Fitted(hasher, FitReport(Path(config.fit.output), sizes_of(tables), {}, None, hasher.plan.bands))


def _fit_neural(config: Config, tables: TablePair, on_progress: Progress, checkpoint: Path | None) -> Fitted:
    options = config.fit
    rules = compile_rules(config.rules.match, config.rules.conflict, tables)
    labels = _read_labels(config, tables)
    encoder = load_encoder(
        EncoderOptions(options.encoder, options.max_tokens, options.device, options.precision)
    )
    if not options.max_steps:  # weights do not change, so each text is encoded once
        encoder = CachingEncoder(encoder)
    texts = texts_of(tables)
    sets = [ngrams.feature_sets(side) for side in texts.sides]
    weights = ngrams.idf(*sets)
    taught = bool(config.rules.match) or labels is not None
    supposed = None if taught and not options.self_training else _sure_matches(texts, encoder, on_progress)
    on_progress("rules", 0, 2)
    pairs = labelling_pairs(tables, options.labelling_pairs, options.seed)
    labelled = labelled_pairs(tables, rules, pairs, labels, supposed)
    on_progress("rules", 1, 2)
    triplets = build_triplets(tables, rules, labelled, TripletOptions(options.seed))
    on_progress("rules", 2, 2)
    vectors = [ngrams.tfidf(side, weights) for side in sets]
    rows = triplet_rows(tables, triplets)
    report = train(
        encoder,
        TrainingTables(plain_texts(texts.left), plain_texts(texts.right), vectors[0], vectors[-1]),
        rows,
        _training_options(options, TAUGHT if taught else SUPPOSED),
        on_progress,
        checkpoint,
    )
    sample = Sample(
        texts_of(sample_of(tables, options.seed)).sides,
        (texts.left.gather(rows.anchor), texts.right.gather(rows.positive)),
        records=max(map(len, texts.sides)),
    )
    if options.max_steps:  # evidence is learned from the same sample, so each text is encoded once
        encoder = CachingEncoder(encoder)
    keys = NgramKeys(weights, minhash_of(texts).plan)
    on_progress("buckets", 0, 1)
    hasher = fit_neural(encoder, keys, sample, CellOptions(seed=options.seed), on_progress)
    on_progress("buckets", 1, 1)
    by_rule = dict(triplets["rule"].value_counts(sort=True).rows())
    report_all = FitReport(
        Path(options.output), sizes_of(tables), by_rule, report, hasher.cells.bands + hasher.plan.bands
    )
    return Fitted(hasher, report_all, {TRIPLETS_FILE: triplets})


def _checkpoint_of(options: FitConfig) -> Path:
    """Return the checkpoint file beside the model, from which a killed fit continues."""
    place = real(Path(options.output))
    return place.with_name(f".{place.name}.checkpoint")


def _read_labels(config: Config, tables: TablePair) -> pl.DataFrame | None:
    options = config.fit
    if options.labels is None:
        return None
    right = None if tables.right is None else tables.right.frame[ID]
    return read_pairs(options.labels, LABELS, tables.left.frame[ID], right, csv_of_labels(config.tables))


def _sure_matches(texts: Texts, encoder: Encoder, on_progress: Progress) -> pl.DataFrame:
    """Return row numbers of seed pairs, by the mean similarity of the untrained encoder and the n-grams."""
    hasher = minhash_of(texts)
    left = hasher.sketch(texts.left)
    right = None if texts.dedup else hasher.sketch(texts.right)
    scored = score_candidates(left, right, JoinReport(), on_progress)
    plain = [plain_texts(side.fill_null("")).to_list() for side in texts.sides]
    vectors = [coded(encoder.encode(side, on_progress)) for side in plain]
    cosine = vectors[0].cosines(vectors[-1], scored.left, scored.right)
    sure = seed_pairs(scored.with_similarity(((scored.similarity + cosine) / 2).astype(np.float32)))
    return pl.DataFrame({"left_row": scored.left[sure], "right_row": scored.right[sure]})


def _training_options(options: FitConfig, trained: float) -> TrainingOptions:
    return TrainingOptions(
        epochs=options.epochs,
        max_steps=options.max_steps,
        batch_size=options.batch_size,
        learning_rate=options.learning_rate,
        radius=options.radius,
        separation=options.separation,
        ranking=options.ranking,
        trained=trained,
        seed=options.seed,
    )


def _provenance(config: Config, tables: TablePair) -> Provenance:
    return Provenance(tuple(pair.entry for pair in tables.columns), _digests(config, tables))


def _digests(config: Config, tables: TablePair) -> dict[str, str]:
    """Return SHA-256 digests of the rules and of the ids and columns of the tables."""
    rules = "\n".join([*config.rules.match, "--", *config.rules.conflict])
    digests = {"rules": sha256(rules.encode()).hexdigest()}
    for name, records in (("left", tables.left), ("right", tables.right)):
        if records is not None:
            hashes = records.frame.hash_rows(seed=0).to_numpy()
            digests[name] = sha256(hashes.tobytes()).hexdigest()
    return digests
