"""Checks and trains the matcher with a language model that reads the records (plm)."""

from pathlib import Path

from erblock.config import MatchConfig
from erblock.errors import ConfigError, ModelError
from erblock.hashing.base import Progress
from erblock.hashing.encoder import CachingEncoder, Encoder
from erblock.hashing.neural import NeuralHasher
from erblock.hashing.store import load_model, read_manifest
from erblock.matching.fit import Learned, Matcher
from erblock.matching.plm import Plm, Task, fit_heads, read
from erblock.matching.tune import LEAST_MATCHES, fine_tune
from erblock.pipeline.inputs import Texts
from erblock.scoring.pairs import ScoredPairs
from erblock.tables.text import plain_texts

_NEURAL = "neural"


def check_plm(options: MatchConfig) -> None:
    """Raise ErblockError if the matcher is plm and no neural model is given."""
    if options.matcher != "plm" or options.use is not None:
        return
    if options.model is None:
        raise ConfigError(
            "--matcher plm needs a language model: fit one with 'erblock fit', then --model FOLDER"
        )
    kind = read_manifest(Path(options.model))["kind"]
    if kind != _NEURAL:
        raise ModelError(f"--matcher plm needs a model of the method {_NEURAL}; {options.model} is of {kind}")


def learn_plm(
    options: MatchConfig, texts: Texts, pairs: ScoredPairs, learned: Learned, on_progress: Progress
) -> tuple[Matcher, Plm]:
    """Return `learned.matcher` with a language model's score added, and the language model with its heads."""
    encoder = _encoder(options)
    left = plain_texts(texts.left)
    sides = (left, left if texts.dedup else plain_texts(texts.right))
    task = Task(pairs, learned.log_odds, learned.matcher, learned.known)
    if _trains(options, encoder) and learned.known.matches.sum() >= LEAST_MATCHES:
        judged = fine_tune(encoder, sides, task, options.seed, on_progress)
        return judged.matcher, Plm(CachingEncoder(encoder), judged.heads)
    encoder = CachingEncoder(encoder)
    judged = fit_heads(task, read(encoder, sides, pairs, learned.log_odds, on_progress), options.seed)
    return judged.matcher, Plm(encoder, judged.heads)


def _encoder(options: MatchConfig) -> Encoder:
    hasher = load_model(Path(options.model or ""), options.device, options.precision).hasher
    assert isinstance(hasher, NeuralHasher)  # checked by `check_plm`
    return hasher.encoder


def _trains(options: MatchConfig, encoder: Encoder) -> bool:
    if options.fine_tune is None:
        return bool(encoder.model.device.type == "cuda")
    return options.fine_tune
