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


def test_interrupting_is_exit_code_130_and_says_what_is_left(command, capsys):
    assert command(KeyboardInterrupt()) == console.EXIT_INTERRUPTED == 130
    said = "interrupted: nothing was written, and existing files are unchanged"
    assert capsys.readouterr().err.strip() == said


def every_command():
    groups = [("", app.app), *((f"{each.name} ", each.typer_instance) for each in app.app.registered_groups)]
    return [
        f"{group}{command.name or command.callback.__name__}"
        for group, commands in groups
        for command in commands.registered_commands
    ]


@pytest.mark.parametrize("flag", ["-h", "--help"])
@pytest.mark.parametrize("name", every_command())
def test_the_help_of_every_command_has_an_example_and_fits(name, flag, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    assert app.run([*name.split(), flag]) == 0
    out = capsys.readouterr().out
    assert f"Example: erblock {name}" in " ".join(out.split())
    assert "--quiet" in out
    assert max(map(len, out.splitlines())) <= 60


def test_options_are_grouped_in_the_help(capsys):
    assert app.run(["block", "-h"]) == 0
    out = capsys.readouterr().out
    groups = [line for line in out.splitlines() if line.endswith(":") and not line.startswith(" ")]
    assert groups == ["Arguments:", "Options:", "Budget:", "Machine:", "Tables:"]
    assert out.index("Tables:") < out.index("--left-delimiter")


def test_no_summary_is_cut(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    assert app.run([]) == 0
    out = capsys.readouterr().out
    assert "..." not in out.split("Commands:")[1]
    assert "a model makes the pairs better." in " ".join(out.split())


def test_completion_is_on():
    environment = os.environ | {
        "_ERBLOCK_COMPLETE": "complete_bash",
        "COMP_WORDS": "erblock ev",
        "COMP_CWORD": "1",
    }
    code = "from erblock.cli.app import main; main()"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["evaluate"]


TABLE = "id,name\n" + "".join(f"{i},blue chair {i} of oak {i % 7}\n" for i in range(40))


@pytest.mark.parametrize("arguments", [["-q", "block"], ["block", "-q"], ["block", "-q", "-v"]])
def test_quiet_says_results_alone(arguments, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_text(TABLE, encoding="utf-8")
    assert app.run([*arguments, "a.csv", "-o", "p.csv"]) == 0
    out, err = capsys.readouterr()
    assert (out.startswith("p.csv: "), err) == (True, "")
    assert app.run([*arguments, "none.csv", "-o", "p.csv"]) == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_verbose_says_how_long_each_step_took(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_text(TABLE, encoding="utf-8")
    for flags, said in (([], False), (["-v"], True)):
        assert app.run(["block", "a.csv", "-o", "p.csv", *flags]) == 0
        err = capsys.readouterr().err
        steps = [line.partition(": ")[0] for line in err.splitlines()]
        assert [step in steps for step in ("read", "hash", "join", "rank")] == [said] * 4


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_an_interrupted_run_leaves_what_was_there(tmp_path):
    rows = "".join(f"{i},blue chair {i} of oak {i % 977} and {i % 89}\n" for i in range(60_000))
    (tmp_path / "a.csv").write_text(f"id,name\n{rows}", encoding="utf-8")
    (tmp_path / "p.csv").write_text("mine", encoding="utf-8")
    code = "from erblock.cli.app import main; main()"
    command = [sys.executable, "-P", "-u", "-c", code, "block", "-v", "a.csv", "-o", "p.csv"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as run:
        for line in run.stderr:
            if line.startswith("hash: "):  # all is loaded, and the longest step begins
                break
        run.send_signal(signal.SIGINT)
        rest = run.stderr.read()
    assert run.returncode == 130
    assert rest.splitlines()[-1].startswith("interrupted: nothing was written")
    assert (tmp_path / "p.csv").read_text(encoding="utf-8") == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "p.csv"]


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
