"""The `erblock` program: its commands by name, and how it reports an error."""

import sys
from typing import Annotated

import typer

from erblock.cli import (
    audit,
    block,
    check,
    console,
    diff,
    distill,
    evaluate,
    fit,
    init,
    keys,
    match,
    plan,
    report,
    rules,
    show,
    warmup,
    why,
)
from erblock.cli import run as run_command
from erblock.cli.shell import Commands, Quiet, Verbose
from erblock.errors import ErblockError

# Typer reports each usage error as a ClickException. Older versions of Typer import that class from click,
# newer versions define it; in both, it is a base class of BadParameter.
_USAGE_ERROR: type[Exception] = typer.BadParameter.__mro__[2]

app = Commands(name="erblock", pretty_exceptions_enable=False)
app.command("init")(init.init)
app.add_typer(rules.app, name="rules")
app.command("fit")(fit.fit)
app.command("distill")(distill.distill)
app.command("keys")(keys.keys)
app.command("block")(block.block)
app.command("plan")(plan.plan)
app.command("audit")(audit.audit)
app.command("match")(match.match)
app.command("evaluate")(evaluate.evaluate)
app.command("show")(show.show)
app.command("check")(check.check)
app.command("diff")(diff.diff)
app.command("why")(why.why)
app.command("warmup")(warmup.warmup)
app.command("run")(run_command.run)
app.command("report")(report.report)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        console.write(f"erblock {version('erblock')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit."),
    ] = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Candidate pairs for entity resolution: your similarity rules train a locality-sensitive hash."""
    console.set_volume(quiet=quiet, verbose=verbose)
    if context.invoked_subcommand is None:
        console.write(context.get_help())


def main() -> None:
    """Run the command line and exit: 0 done, 1 a check failed, 2 bad input, 130 interrupted."""
    console.accept_any_character()
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit code.

    Bad input and errors of the system (a file, memory) become one line on stderr. Any other error is a bug
    and passes through with its traceback.
    """
    console.begin()
    try:
        code = app(arguments, prog_name="erblock", standalone_mode=False)
    except (ErblockError, OSError, MemoryError) as failure:
        if isinstance(failure, OSError):
            console.give_up_output()
        console.error(_complaint(failure))
        return console.EXIT_ERROR
    except _USAGE_ERROR as failure:
        _show_usage_error(failure)
        return console.EXIT_ERROR
    except (KeyboardInterrupt, typer.Abort):
        code = console.EXIT_INTERRUPTED
    if code == console.EXIT_INTERRUPTED:  # typer may return this code instead of raising
        console.interrupted()
    return code if isinstance(code, int) else 0


def _complaint(failure: Exception) -> str:
    """Return the message of an error; an error of the system also has the name of the file, if known."""
    if isinstance(failure, MemoryError):
        return "there is not enough memory; set --memory, use fewer records, or a larger machine"
    if not isinstance(failure, OSError):
        return str(failure)
    name = "" if failure.filename is None else f"{failure.filename}: "
    return f"{name}{failure.strerror or failure}"


def _show_usage_error(failure: Exception) -> None:
    message: str = failure.format_message()  # type: ignore[attr-defined]  # each ClickException has it
    if "\n" in message:  # a command group without a command: the message is the help of the group
        console.note(message)
    else:
        console.error(f"{message.rstrip('.')}; see --help")
