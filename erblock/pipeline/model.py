"""Opens the hash that the settings name: a fitted model, or a MinHash fitted to the tables."""

from pathlib import Path

from erblock.config import BlockConfig, Config
from erblock.errors import ConfigError
from erblock.hashing.base import Hasher
from erblock.hashing.store import load_model, read_manifest
from erblock.pipeline.inputs import Texts, minhash_of
from erblock.pipeline.stored import stored_tables

_MINHASH = "minhash"


def model_folder(options: BlockConfig) -> Path | None:
    """Return the folder of the model for blocking; None for MinHash without a model.

    Raises:
        ErblockError: if a model is needed and none is set, or the model is of another method.
    """
    if options.model is None and options.method in (None, _MINHASH):
        return None
    if options.model is None:
        raise ConfigError("the neural method needs a model: fit one with 'erblock fit', then --model FOLDER")
    if options.method is None:
        return _without_bands(options)
    kind = read_manifest(Path(options.model))["kind"]
    if kind == options.method:
        return _without_bands(options)
    if options.method == _MINHASH:  # --method minhash overrides the model of the settings, as a baseline
        return None
    raise ConfigError(
        f"{options.model} is a model of the method {kind}, found --method {options.method}; leave it out"
    )


def with_model_columns(config: Config) -> Config:
    """Return the settings with the columns of the model for blocking, if there is a model.

    A folder of keys is replaced by the table of its records.
    """
    folder = model_folder(config.block)
    stored = stored_tables(config.tables)
    stored.check(folder)
    if folder is None:
        return config
    fitted = tuple(read_manifest(folder)["columns"])
    check_same_columns(config, fitted, f"{folder} was fitted")
    tables = stored.records(config.tables).model_copy(update={"columns": fitted})
    return config.model_copy(update={"tables": tables})


def check_same_columns(config: Config, known: tuple[str, ...], what: str) -> None:
    """Raise ConfigError if the settings name other columns than `known`. `what` begins the message."""
    asked = tuple(_normal(entry) for entry in config.tables.columns)
    if asked and asked != known:
        raise ConfigError(
            f"{what} on the columns {', '.join(known)}; found {', '.join(asked)}: "
            "leave the columns out, or fit again"
        )


def _normal(entry: str) -> str:
    left, _, right = (part.strip() for part in entry.partition("="))
    return left if right in ("", left) else f"{left}={right}"


def open_hasher(options: BlockConfig, texts: Texts) -> Hasher:
    """Return the hasher of the model, or without a model a MinHash fitted to `texts`."""
    folder = model_folder(options)
    if folder is None:
        return minhash_of(texts, options.bands)
    return load_model(folder, options.device, options.precision).hasher


def _without_bands(options: BlockConfig) -> Path:
    """Return the folder of the model, after checking that --bands is not set: a model has its own bands."""
    if options.bands is not None:
        raise ConfigError(f"--bands is for MinHash without a model, found {options.model}; leave out one")
    return Path(str(options.model))
