"""The steps of a run, and which of them the settings ask for."""

from collections.abc import Sequence

from erblock.config import Config
from erblock.errors import ConfigError

STEPS = ("fit", "block", "match", "evaluate", "report")
SETTINGS_FILE = "erblock.toml"
"""The name of the settings file in the folder of a run."""

_NEEDS = {
    "fit": "rules, or a section [fit], and no model in [block]",
    "match": "a section [match]",
    "evaluate": "known matches: gold in [check], or --gold",
}


def asked_steps(config: Config) -> tuple[str, ...]:
    """Return the steps that the settings ask for."""
    given = config.model_fields_set
    has_rules = bool(config.rules.match or config.rules.conflict)
    wanted = {
        "fit": config.block.model is None and (has_rules or "fit" in given),
        "block": True,
        "match": "match" in given,
        "evaluate": config.check.gold is not None,
        "report": True,
    }
    return tuple(name for name in STEPS if wanted[name])


def check_steps(asked: Sequence[str], first: str | None, last: str | None) -> None:
    """Raise ConfigError unless `first` and `last`, where given, are `asked` steps and in this order."""
    for option, name in (("--from", first), ("--to", last)):
        if name is None or name in asked:
            continue
        if name not in STEPS:
            raise ConfigError(f"{option} {name}: expected one of the steps {', '.join(STEPS)}")
        raise ConfigError(f"{option} {name}: the settings do not ask for it; they need {_NEEDS[name]}")
    if first and last and STEPS.index(first) > STEPS.index(last):
        raise ConfigError(f"--from {first} comes after --to {last}")
