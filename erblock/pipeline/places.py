"""Lists the files that each command reads and writes, and checks them by `guard` before any work."""

from collections.abc import Sequence
from pathlib import Path

from erblock.config import Config
from erblock.errors import ConfigError, OutputError
from erblock.evaluation.compare import check_gold
from erblock.tables.files import check_exists
from erblock.tables.guard import Read, Write, check_places
from erblock.tables.read import csv_of_gold
from erblock.tables.streams import STANDARD, is_url


def tables_of(config: Config) -> list[Read]:
    """Return the inputs of every command that has settings: the tables and the settings file."""
    tables = config.tables
    return [
        Read("the table", tables.left),
        Read("the table", tables.right),
        Read("the settings", config.file),
    ]


_CSV_ALONE = ("--csv", "--curve")
"""Options that write only CSV."""


def check_block_places(config: Config, written: dict[str, Path]) -> None:
    """Raise OutputError if blocking would overwrite an input. `written`: output paths, keyed by option."""
    reads = [*tables_of(config), Read("the model", config.block.model), *_fixed_pairs(config)]
    check_places([Write(option, path) for option, path in written.items()], reads)


def _fixed_pairs(config: Config) -> list[Read]:
    return [
        Read("the must-pairs", config.block.must_pairs),
        Read("the must-not-pairs", config.block.must_not_pairs),
    ]


def check_evaluate_places(
    config: Config, files: Sequence[str | Path | None], written: dict[str, Path | None]
) -> None:
    """Raise OutputError if an output would overwrite a table, the settings or one of `files`.

    `written`: output paths, keyed by option; None for no output.
    """
    reads = [*tables_of(config), *(Read("the file", file) for file in files)]
    writes = [Write(option, path) for option, path in written.items() if path is not None]
    check_places(writes, reads)
    for write in writes:
        if write.path.is_dir():
            raise OutputError(f"{write}: expected a file, found a folder")
        is_named_so = write.path.suffix.lower() == ".csv" or str(write.path) == STANDARD
        if write.option in _CSV_ALONE and not is_named_so:
            raise OutputError(f"{write}: expected a name ending in .csv, or - for standard output")


def check_run_inputs(config: Config) -> None:
    """Raise an error if an input of any step of a run is missing, or not on this machine."""
    tables, block, match = config.tables, config.block, config.match
    pairs = (config.fit.labels, block.must_pairs, block.must_not_pairs, match.labels, match.entities)
    for file in (tables.left, tables.right, *pairs, config.check.gold):
        if file is not None and (file == STANDARD or is_url(file)):
            raise ConfigError(f"erblock run reads files of this machine, found {file}; run its commands")
    for file in (*pairs, config.check.gold):
        if file is not None:
            check_exists(file)
    if config.check.gold is not None:
        check_gold(config.check.gold, csv_of_gold(tables))


def check_run_places(config: Config, folder: Path) -> None:
    """Raise OutputError if an input of a run lies in the folder of the run."""
    named = {
        "the labels": (config.fit.labels, config.match.labels),
        "the encoder": (config.fit.encoder,),
        "the model": (config.block.model, config.match.model),
        "the matcher": (config.match.use,),
        "the known entities": (config.match.entities,),
        "the known matches": (config.check.gold,),
    }
    reads = [Read(what, path) for what, paths in named.items() for path in paths]
    reads += [*tables_of(config), *_fixed_pairs(config)]
    check_places([Write("--output", folder, whole=True)], reads)


def check_check_places(config: Config, path: str, written: dict[str, Path | None]) -> None:
    """Raise OutputError if a check would overwrite an input. `written`: output paths, keyed by option."""
    check_evaluate_places(config, [path, config.check.gold, config.check.baseline], written)


def check_report_places(config: Config, folder: Path, output: Path) -> None:
    """Raise OutputError if the report of a run would overwrite the run or an input of it."""
    folders = [config.fit.output, config.block.model, config.match.save]
    files = [config.block.output, config.match.output, config.match.clusters, config.check.gold]
    check_evaluate_places(config, [*folder.glob("*.json"), *folders, *files], {"--output": output})


def check_match_places(config: Config) -> None:
    """Raise OutputError if matching would overwrite an input, or write two outputs to one place."""
    options = config.match
    reads = [
        *tables_of(config),
        Read("the pairs", options.pairs),
        Read("the labels", options.labels),
        Read("the model", options.model),
        Read("the matcher", options.use),
        Read("the known entities", options.entities),
    ]
    named = {
        "--output": options.output,
        "--clusters": options.clusters,
        "--changes": options.changes,
        "--save": options.save,
    }
    writes = [
        Write(option, Path(path), whole=option == "--save")
        for option, path in named.items()
        if path is not None and "://" not in path
    ]
    check_places(writes, reads)


def check_labels_place(config: Config, labels: Path) -> None:
    """Raise OutputError if the labels of a session would overwrite another file."""
    options = config.match
    written = [options.output, options.clusters, options.changes, options.save]
    reads = [*tables_of(config), Read("the pairs", options.pairs)]
    check_places(
        [Write("--labels", labels), *(Write("--output", Path(path)) for path in written if path is not None)],
        reads,
    )


def check_fit_places(config: Config) -> None:
    """Raise OutputError if the model would overwrite an input of fitting."""
    options = config.fit
    reads = [*tables_of(config), Read("the labels", options.labels), Read("the encoder", options.encoder)]
    check_places([Write("--output", Path(options.output), whole=True)], reads)


def check_distill_places(config: Config) -> None:
    """Raise OutputError if the student would overwrite an input of distillation."""
    reads = [*tables_of(config), Read("the teacher", config.block.model)]
    check_places([Write("--output", Path(config.distill.output), whole=True)], reads)


def check_keys_places(config: Config, output: Path) -> None:
    """Raise OutputError if keys would overwrite the table or the model."""
    reads = [*tables_of(config), Read("the model", config.block.model)]
    check_places([Write("--output", output, whole=True)], reads)


def check_init_place(tables: Sequence[str | None], output: Path) -> None:
    """Raise OutputError if settings would overwrite a table."""
    check_places([Write("--output", output)], [Read("the table", table) for table in tables])
