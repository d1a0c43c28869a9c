"""What the command line does when all goes well, and when something does not."""

import os
import signal
import subprocess
import sys
from importlib.metadata import version

import pytest

from erblock.cli import app, console
from erblock.errors import TableError


@pytest.fixture
def command(monkeypatch):
    """A command `fail` that raises what it is given."""

    def make(error):
        def fail() -> None:
            raise error

        commands = [*app.app.registered_commands]
        monkeypatch.setattr(app.app, "registered_commands", commands)
        app.app.command("fail")(fail)
        return app.run(["fail"])

    return make


def test_version(capsys):
    assert app.run(["--version"]) == 0
    assert capsys.readouterr().out == f"erblock {version('erblock')}\n"


@pytest.mark.parametrize("arguments", [[], ["--help"]])
def test_help_lists_the_commands(arguments, capsys):
    assert app.run(arguments) == 0
    out = capsys.readouterr().out
    assert all(f"  {command.name} " in out for command in app.app.registered_commands)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["evaluat"], "No such command 'evaluat'"),
        (["--nonsense"], "No such option: --nonsense"),
        (["evaluate"], "Missing"),
        (["evaluate", "x.csv"], "Missing option '--gold'"),
        (["evaluate", "x.csv", "--gold", "g.csv", "--target", "many"], "'--target'"),
    ],
)
def test_a_mistake_on_the_command_line_is_one_line_and_exit_code_2(arguments, message, capsys):
    assert app.run(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert message in err
    assert err.count("\n") == 1


def test_a_group_without_a_command_shows_its_help(capsys):
    assert app.run(["rules"]) == 2
    err = capsys.readouterr().err
    assert "Usage: erblock rules" in err
    assert "  check " in err


def test_an_error_of_the_user_is_one_line_and_exit_code_2(command, capsys):
    assert command(TableError("no such file:\n  left.csv")) == 2
    assert capsys.readouterr().err == "error: no such file: left.csv\n"


def test_an_unforeseen_error_keeps_its_traceback(command):
    with pytest.raises(ZeroDivisionError):
        command(ZeroDivisionError())


def test_interrupting_is_exit_code_130_without_a_word(command, capsys):
    assert command(KeyboardInterrupt()) == console.EXIT_INTERRUPTED == 130
    assert "Traceback" not in capsys.readouterr().err


def test_main_exits_with_the_code(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["erblock", "nonsense"])
    with pytest.raises(SystemExit) as stopped:
        app.main()
    assert stopped.value.code == 2


def test_the_module_is_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "erblock", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("erblock ")


@pytest.mark.skipif(os.name == "nt", reason="pipes are closed by a signal of POSIX")
def test_a_closed_pipe_is_quiet():
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "erblock", "--help"],
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(write)
    assert done.stderr == ""
    assert done.returncode not in (0, -signal.SIGSEGV)
