"""A labelling session: chooses the next pair to ask about, and refits the matcher to the labels."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from erblock.comparison.caching import CachingComparison
from erblock.config import Config
from erblock.errors import ConfigError
from erblock.hashing.base import Progress, Scores, silent
from erblock.matching.fit import learn
from erblock.matching.label import Predictions, choose_questions, guessed
from erblock.pipeline.candidates import read_candidates, rows_of
from erblock.pipeline.knowledge import Knowledge
from erblock.pipeline.match import check_outputs
from erblock.pipeline.match_engine import open_local
from erblock.pipeline.places import check_labels_place
from erblock.scoring.competition import ranking
from erblock.scoring.pairs import ScoredPairs
from erblock.scoring.weak_labels import MATCH, NO_MATCH
from erblock.tables.beside import check_records_here
from erblock.tables.label_file import Appended, LabelFile, check_label_file, id_texts, open_label_file
from erblock.tables.pairs import read_answers
from erblock.tables.read import TablePair
from erblock.tables.schemas import ID

LABELS_FILE = "labels.csv"
"""The default name of the file of labels."""

BATCH = 10
"""The number of questions between two fits of the matcher."""

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Question:
    """A pair to label. `columns`: for each compared column, its name, its left value and its right value."""

    left_id: Any
    right_id: Any
    columns: tuple[tuple[str, Any, Any], ...]


@dataclass(frozen=True)
class RefitResult:
    """The result of fitting the matcher to the labels.

    `labels`: the number of labels. `likely`: the number of likely matches. `changed`: how many pairs became
    likely matches, or ceased to be, since the previous fit; None for the first fit.
    """

    labels: int
    likely: int
    changed: int | None


@dataclass(frozen=True)
class SessionSummary:
    """Counts of the labels of a session, and of all labels in the file (`total`)."""

    labels: Path
    matches: int
    others: int
    unsure: int
    total: int


@dataclass(frozen=True)
class _Given:
    position: int
    label: int | None
    appended: Appended


class LabelSession:
    """A session of questions about the candidate pairs of `config.match`. Each answer is saved at once.

    Call `learn` whenever it is `due`; else show the `question` and pass the label to `answer`. Pairs in the
    file of labels, even with an empty label, are not asked about again.

    Raises:
        ErblockError: if a table, the pairs, the labels or an option cannot be used; nothing is written then.
    """

    def __init__(self, config: Config) -> None:
        self._options = config.match
        self.path = Path(config.match.labels or LABELS_FILE)
        _check(config, self.path)
        self._engine = open_local(config)
        self._tables = self._engine.tables
        weights = self._engine.weights()
        self._pairs = read_candidates(config.match.pairs, self._engine, weights)
        known = Knowledge((config.rules.match, config.rules.conflict), None)
        self._by_rules = known.of(self._tables, self._pairs)
        self._comparison = CachingComparison(self._tables, self._engine.columns(), weights)
        self._comparison.remember(self._pairs.left, self._pairs.right)
        self._ranking = ranking(self._pairs)
        self._answers, self._label_count = self._earlier()
        self._file: LabelFile = open_label_file(self.path)
        self._given: list[_Given] = []
        self._queue: list[int] = []
        self._likely: Mask | None = None

    def _earlier(self) -> tuple[dict[int, int | None], int]:
        """Return a pair (labels, count) from the file of labels.

        `labels`: the label of each candidate pair in the file, keyed by position; None for unsure. `count`:
        the number of pairs in the file with a label, candidates or not.
        """
        if not self.path.exists() or not self.path.read_bytes().strip():
            return {}, 0
        tables = self._tables
        right = None if tables.right is None else tables.right.frame[ID]
        frame = read_answers(self.path, tables.left.frame[ID], right)
        # A pair can be marked unsure first, and labelled later.
        rows = rows_of(
            frame.sort("label", nulls_last=True, maintain_order=True), self._engine, str(self.path)
        )
        keys = pl.DataFrame({"left": self._pairs.left, "right": self._pairs.right}).with_row_index("position")
        found = rows.join(keys, on=["left", "right"], how="inner")
        answers = dict(zip(found["position"].to_list(), found["label"].to_list(), strict=True))
        return answers, rows["label"].drop_nulls().len()

    @property
    def due(self) -> bool:
        """Whether to call `learn` before the next question."""
        return not self._queue

    def learn(self, on_progress: Progress = silent) -> RefitResult:
        """Fit the matcher to the labels so far and choose the next questions."""
        on_progress("learn", 0, len(self._pairs))
        probability = self._probability()
        on_progress("learn", len(self._pairs), len(self._pairs))
        predictions = Predictions(probability, self._ranking, self._options.min_probability)
        asked = np.zeros(len(self._pairs), dtype=bool)
        asked[list(self._answers)] = True
        seed = self._options.seed + len(self._answers)
        self._queue = choose_questions(self._pairs, predictions, asked, BATCH, seed).tolist()
        before, self._likely = self._likely, probability >= predictions.threshold
        changed = None if before is None else int((before != self._likely).sum())
        return RefitResult(self._label_count, int(self._likely.sum()), changed)

    def _probability(self) -> Scores:
        pair_labels = self._by_rules.copy()
        for position, label in self._answers.items():
            if label is not None:
                pair_labels[position] = MATCH if label else NO_MATCH
        try:
            learned = learn(self._pairs, self._comparison, pair_labels, self._options.seed)
        except ConfigError:  # too few matches to learn from, which this session is to change
            return guessed(self._pairs)
        return learned.matcher.probability(self._pairs, learned.log_odds)

    def question(self) -> Question | None:
        """Return the pair to ask about; None if all pairs were asked about or `learn` is due."""
        return _question(self._tables, self._pairs, self._queue[0]) if self._queue else None

    def answer(self, label: int | None) -> None:
        """Save the label of the pair in question: 1, 0, or None if unsure."""
        position = self._queue[0]
        rows = self._pairs.left[position], self._pairs.right[position]
        left = id_texts(self._tables.left.frame[ID][[rows[0]]])
        right = id_texts(self._tables.other.frame[ID][[rows[1]]])
        appended = self._file.append(left[0], right[0], label)
        self._given.append(_Given(position, label, appended))
        self._answers[position] = label
        self._label_count += label is not None
        del self._queue[0]

    def undo(self) -> bool:
        """Undo the last answer of this session, to ask about its pair again; return False if none is left."""
        if not self._given:
            return False
        last = self._given[-1]
        self._file.undo(last.appended)
        self._given.pop()
        del self._answers[last.position]
        self._label_count -= last.label is not None
        self._queue.insert(0, last.position)
        return True

    @property
    def summary(self) -> SessionSummary:
        """The counts of this session so far."""
        labels = [given.label for given in self._given]
        return SessionSummary(
            self.path, labels.count(1), labels.count(0), labels.count(None), self._label_count
        )


def labelled(config: Config, summary: SessionSummary) -> Config:
    """Return the settings for matching after a session, with the file of labels if it has any."""
    labels = str(summary.labels) if summary.total else None
    return config.model_copy(update={"match": config.match.model_copy(update={"labels": labels})})


def _check(config: Config, labels: Path) -> None:
    check_records_here(config.match.engine, "--label")
    if config.match.use is not None:
        raise ConfigError("--label trains a matcher, --use loads a trained one; set one of the two")
    check_label_file(labels)
    check_outputs(config)
    check_labels_place(config, labels)


def _question(tables: TablePair, pairs: ScoredPairs, position: int) -> Question:
    left = tables.left.frame.row(int(pairs.left[position]), named=True)
    right = tables.other.frame.row(int(pairs.right[position]), named=True)
    columns = tuple((pair.name, left[pair.left], right[pair.right]) for pair in tables.columns)
    return Question(left[ID], right[ID], columns)
