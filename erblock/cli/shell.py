"""The shape that all commands share: help in groups with an example, and the options -h, -q and -v."""

from collections.abc import Callable
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from erblock.cli import console

Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print only results and errors.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Print how long each step took.")]

_OPTIONS = "Options"


class HelpCommand(TyperCommand):
    """A command whose help lists options by their panel, in plain text."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments, then the options without a panel, then each panel."""
        panels: dict[str, list[tuple[str, str]]] = {"Arguments": [], _OPTIONS: []}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            own = "Arguments" if param.param_type_name == "argument" else _OPTIONS
            if record is not None:
                panels.setdefault(getattr(param, "rich_help_panel", None) or own, []).append(record)
        for panel, records in panels.items():
            if records:
                with formatter.section(panel):
                    formatter.write_dl(records)


class HelpGroup(TyperGroup):
    """A group of commands. Its help has the whole first paragraph of each command, whatever the width."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the first paragraph of every command's help."""
        rows = [(name, " ".join(_summary(self.get_command(ctx, name)))) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def _summary(command: Any) -> list[str]:
    return (command.help or "").strip().split("\n\n")[0].split()


class Commands(typer.Typer):
    """A Typer application whose commands have this shape.

    The last paragraph of a command's help is its example.
    """

    def __init__(self, **given: Any) -> None:
        settings = {"help_option_names": ["-h", "--help"]}
        super().__init__(cls=HelpGroup, context_settings=settings, rich_markup_mode=None, **given)

    def command(self, name: str | None = None, **given: Any) -> Callable[[Any], Any]:
        """Register a function as a command of this name, with -q and -v beside its own options."""
        register = super().command(name, cls=HelpCommand, **given)

        def registered(function: Callable[..., None]) -> Callable[..., None]:
            register(_with_volume(function))
            return function

        return registered


def _with_volume(command: Callable[..., None]) -> Callable[..., None]:
    @wraps(command)
    def run(*, quiet: bool, verbose: bool, **given: Any) -> None:
        console.set_volume(quiet=quiet, verbose=verbose)
        command(**given)

    added = [
        Parameter(name, Parameter.KEYWORD_ONLY, default=False, annotation=annotation)
        for name, annotation in (("quiet", Quiet), ("verbose", Verbose))
    ]
    run.__signature__ = Signature([*signature(command).parameters.values(), *added])  # type: ignore[attr-defined]
    return run
