"""The stages in order: tables to triplets to a hasher, tables and hasher to candidate pairs."""

from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import polars as pl

from erblock.blocking.audit import AuditScope, draw_audit, write_audit
from erblock.blocking.budget import Budget, Cut, cut
from erblock.blocking.candidates import JoinReport
from erblock.blocking.output import check_output, pairs_frame, write_frame
from erblock.blocking.recall import RecallEstimate, recall_curve
from erblock.blocking.score import ScoredPairs, score_candidates
from erblock.blocking.sure import sure_pairs
from erblock.config import BlockConfig, Config, FitConfig
from erblock.errors import ConfigError
from erblock.hashing import ngrams
from erblock.hashing.base import Hasher, Progress, Sketch, silent
from erblock.hashing.cells import CellOptions
from erblock.hashing.encoder import Encoder, EncoderOptions, load_encoder
from erblock.hashing.minhash import MinHashHasher, fit_minhash
from erblock.hashing.neural import fit_neural
from erblock.hashing.pairwise import row_cosines
from erblock.hashing.store import Model, Provenance, check_target, load_model, read_manifest, save_model
from erblock.rules.compile import compile_rules
from erblock.rules.pairs import labelling_pairs
from erblock.rules.triplets import TripletOptions, build_triplets, labelled_pairs
from erblock.tables.pairs import read_pairs
from erblock.tables.read import Records, TablePair, read_tables
from erblock.tables.schemas import ID, LABELS
from erblock.tables.sheet import check_no_judgements, sheet_path
from erblock.tables.text import record_texts
from erblock.training.batches import triplet_rows
from erblock.training.fit import TrainingOptions, TrainingReport, TrainingTables, train

TRIPLETS_FILE = "triplets.parquet"

MINHASH_PAIRS_PER_RECORD = 100
"""Band plans of MinHash are as loose as so many joined rows a record of the larger table allow."""


@dataclass(frozen=True)
class BlockReport:
    """What blocking did. `kind`: of hash; `uncovered`: records of each table that have no candidate.

    `audit`: the sheet to judge, if one was asked for and any pair was cut off.
    """

    kind: str
    output: Path
    pairs: int
    cross_product: int
    recall: RecallEstimate | None
    join: JoinReport
    uncovered: tuple[int, ...]
    audit: Path | None


@dataclass(frozen=True)
class FitReport:
    """What fitting did: triplets by the rule that made them, and the training."""

    output: Path
    triplets: dict[str, int]
    training: TrainingReport
    bands: int


@dataclass(frozen=True)
class Texts:
    """The text of every record of both tables; one table stands on both sides."""

    left: pl.Series
    right: pl.Series
    dedup: bool

    @property
    def sides(self) -> list[pl.Series]:
        """The distinct tables: one or two."""
        return [self.left] if self.dedup else [self.left, self.right]


def open_tables(config: Config) -> TablePair:
    """Return the checked tables, rows in the order of their ids, so that no result depends on row order."""
    tables = read_tables(config.tables)
    right = None if tables.right is None else _ordered(tables.right)
    return replace(tables, left=_ordered(tables.left), right=right)


def _ordered(records: Records) -> Records:
    return replace(records, frame=records.frame.sort(ID))


def texts_of(tables: TablePair) -> Texts:
    """Return the compared columns of every record as one text."""
    left = record_texts(tables.left.frame, [pair.left for pair in tables.columns])
    if tables.dedup:
        return Texts(left, left, dedup=True)
    return Texts(left, record_texts(tables.other.frame, [pair.right for pair in tables.columns]), dedup=False)


def block(config: Config, on_progress: Progress = silent) -> BlockReport:
    """Write the candidate pairs of the configured tables; return what was done.

    Raises:
        ErblockError: if a table, the model or an option is not usable; nothing is written then.
    """
    options = config.block
    output = Path(options.output)
    check_output(output, (config.tables.left, config.tables.right))
    if options.audit is not None:
        check_no_judgements(sheet_path(output))
    tables = open_tables(_with_model_columns(config))
    texts = texts_of(tables)
    hasher = _hasher(options, texts)
    left: Sketch = hasher.sketch(texts.left, on_progress)
    right = None if texts.dedup else hasher.sketch(texts.right, on_progress)
    join = JoinReport()
    scored = score_candidates(left, right, join, on_progress)
    curve = recall_curve(scored, left.views(right or left, scored.left, scored.right))
    kept = cut(scored, Budget(options.max_pairs, options.max_per_record, options.target_recall), curve)
    pairs = pairs_frame(tables.left.frame[ID], tables.other.frame[ID], scored, kept)
    write_frame(pairs, output)
    return BlockReport(
        hasher.kind,
        output,
        pairs.height,
        _cross_product(tables),
        kept.recall,
        join,
        _uncovered(tables, pairs),
        _write_audit(options, tables, scored, kept, join),
    )


def _with_model_columns(config: Config) -> Config:
    """Return the settings with the columns that the model was fitted on, if it is a model that blocks."""
    if config.block.method == "minhash":
        return config
    if config.block.model is None:
        raise ConfigError("the neural method needs a model: fit one with 'erblock fit', then --model FOLDER")
    fitted = tuple(read_manifest(Path(config.block.model))["columns"])
    asked = tuple(_normal(entry) for entry in config.tables.columns)
    if asked and asked != fitted:
        raise ConfigError(
            f"{config.block.model} was fitted on the columns {', '.join(fitted)}; found {', '.join(asked)}: "
            "leave the columns out, or fit again"
        )
    return config.model_copy(update={"tables": config.tables.model_copy(update={"columns": fitted})})


def _normal(entry: str) -> str:
    left, _, right = (part.strip() for part in entry.partition("="))
    return left if right in ("", left) else f"{left}={right}"


def _write_audit(
    options: BlockConfig, tables: TablePair, scored: ScoredPairs, kept: Cut, join: JoinReport
) -> Path | None:
    """Write the audit sheet, if it is wanted and anything was cut off; return where."""
    if options.audit is None or len(kept.kept) == len(scored):
        return None
    output = Path(options.output)
    scope = AuditScope(output, join.distinct - len(scored), _cross_product(tables) - join.distinct)
    write_audit(sheet_path(output), tables, scored, draw_audit(scored, kept, options.audit), scope)
    return sheet_path(output)


def _hasher(options: BlockConfig, texts: Texts) -> Hasher:
    if options.method == "minhash":
        return _fit_minhash(texts)
    return load_model(Path(str(options.model)), options.device, options.precision).hasher


def _fit_minhash(texts: Texts) -> MinHashHasher:
    return fit_minhash(texts.left, None if texts.dedup else texts.right, MINHASH_PAIRS_PER_RECORD)


def _cross_product(tables: TablePair) -> int:
    left, right = tables.left.frame.height, tables.other.frame.height
    return left * (left - 1) // 2 if tables.dedup else left * right


def _uncovered(tables: TablePair, pairs: pl.DataFrame) -> tuple[int, ...]:
    """Return how many records of each table have no candidate."""
    if tables.dedup:
        return (tables.left.frame.height - pl.concat([pairs["left_id"], pairs["right_id"]]).n_unique(),)
    return (
        tables.left.frame.height - pairs["left_id"].n_unique(),
        tables.other.frame.height - pairs["right_id"].n_unique(),
    )


def fit(config: Config, *, force: bool = False, on_progress: Progress = silent) -> FitReport:
    """Train a neural hash on the configured tables and rules, and write it as a model folder.

    Raises:
        ErblockError: if a table, a rule, the labels or the encoder is not usable; nothing is written then.
    """
    options = config.fit
    output = Path(options.output)
    check_target(output, overwrite=force)
    tables = open_tables(config)
    rules = compile_rules(config.rules.match, config.rules.conflict, tables)
    labels = _read_labels(options, tables)
    encoder = load_encoder(
        EncoderOptions(options.encoder, options.max_tokens, options.device, options.precision)
    )
    texts = texts_of(tables)
    sets = [ngrams.feature_sets(side) for side in texts.sides]
    weights = ngrams.idf(*sets)
    wanted = options.self_training or not (config.rules.match or labels is not None)
    supposed = _sure_matches(texts, encoder, on_progress) if wanted else None
    pairs = labelling_pairs(tables, options.labelling_pairs, options.seed)
    labelled = labelled_pairs(tables, rules, pairs, labels, supposed)
    triplets = build_triplets(tables, rules, labelled, TripletOptions(options.seed))
    vectors = [ngrams.tfidf(side, weights) for side in sets]
    rows = triplet_rows(tables, triplets)
    report = train(
        encoder,
        TrainingTables(texts.left, texts.right, vectors[0], vectors[-1]),
        rows,
        _training_options(options),
        on_progress,
    )
    matches = (texts.left.gather(rows.anchor), texts.right.gather(rows.positive))
    hasher = fit_neural(encoder, weights, texts.sides, matches, CellOptions(seed=options.seed), on_progress)
    provenance = Provenance(tuple(pair.entry for pair in tables.columns), _digests(config, tables))
    save_model(Model(hasher, provenance), output, {TRIPLETS_FILE: triplets}, overwrite=force)
    by_rule = dict(triplets["rule"].value_counts(sort=True).rows())
    return FitReport(output, by_rule, report, hasher.cells.bands)


def _read_labels(options: FitConfig, tables: TablePair) -> pl.DataFrame | None:
    if options.labels is None:
        return None
    return read_pairs(options.labels, LABELS, tables.left.frame[ID], tables.other.frame[ID])


def _sure_matches(texts: Texts, encoder: Encoder, on_progress: Progress) -> pl.DataFrame:
    """Return the row numbers of pairs beyond doubt for the encoder as it comes and the n-grams."""
    hasher = _fit_minhash(texts)
    left = hasher.sketch(texts.left)
    right = None if texts.dedup else hasher.sketch(texts.right)
    scored = score_candidates(left, right, JoinReport(), on_progress)
    vectors = [encoder.encode(side.fill_null("").to_list(), on_progress) for side in texts.sides]
    cosine = row_cosines(vectors[0], vectors[-1], scored.left, scored.right)
    sure = sure_pairs(scored.seen_as(((scored.similarity + cosine) / 2).astype(np.float32)))
    return pl.DataFrame({"left_row": scored.left[sure], "right_row": scored.right[sure]})


def _training_options(options: FitConfig) -> TrainingOptions:
    return TrainingOptions(
        epochs=options.epochs,
        max_steps=options.max_steps,
        batch_size=options.batch_size,
        learning_rate=options.learning_rate,
        radius=options.radius,
        separation=options.separation,
        ranking=options.ranking,
        seed=options.seed,
    )


def _digests(config: Config, tables: TablePair) -> dict[str, str]:
    """Return SHA-256 digests of the rules and of the ids and columns of the tables."""
    rules = "\n".join([*config.rules.match, "--", *config.rules.conflict])
    digests = {"rules": sha256(rules.encode()).hexdigest()}
    for name, records in (("left", tables.left), ("right", tables.right)):
        if records is not None:
            hashes = records.frame.hash_rows(seed=0).to_numpy()
            digests[name] = sha256(hashes.tobytes()).hexdigest()
    return digests
