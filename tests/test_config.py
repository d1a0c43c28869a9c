import os
import runpy
from pathlib import Path

import pytest

from erblock.config import SECTIONS, Config, bytes_of, load_config
from erblock.errors import ConfigError

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture
def load(tmp_path):
    def from_text(text, overrides=None):
        path = tmp_path / "erblock.toml"
        path.write_text(text, encoding="utf-8")
        return load_config(path, overrides or {})

    return from_text


@pytest.fixture
def message(load):
    def of(text, overrides=None):
        with pytest.raises(ConfigError) as caught:
            load(text, overrides)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    return of


def test_paths_are_relative_to_the_file(load, tmp_path):
    (tmp_path / "encoder").mkdir()
    text = "[tables]\nleft = 'a.csv'\nright = '/data/b.csv'\n[fit]\nlabels = 'l.csv'\nencoder = 'encoder'"
    config = load(text)
    assert config.tables.left == str(tmp_path / "a.csv")
    assert config.tables.right == "/data/b.csv"
    assert config.fit.labels == str(tmp_path / "l.csv")
    assert config.fit.encoder == str(tmp_path / "encoder")


def test_the_name_of_a_model_is_no_path(load):
    assert load("[tables]\nleft = 'a'\n[fit]\nencoder = 'org/model'").fit.encoder == "org/model"


def test_overrides_win_and_none_does_not(load):
    text = "[tables]\nleft = 'a.csv'\n[fit]\nepochs = 3\nseed = 7"
    config = load(text, {"fit": {"epochs": 5, "seed": None}, "block": {"output": "p.csv"}})
    assert (config.fit.epochs, config.fit.seed, config.block.output) == (5, 7, "p.csv")


def test_a_left_table_given_stands_for_both_of_the_file(load):
    text = "[tables]\nleft = 'a.csv'\nright = 'b.csv'\nid = 'sku'"
    tables = load(text, {"tables": {"left": "c.csv", "right": None}}).tables
    assert (tables.left, tables.right, tables.id) == ("c.csv", None, "sku")


def test_without_a_path_the_file_of_the_folder_is_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load_config(None, {"tables": {"left": "a.csv"}}).tables.left == "a.csv"
    Path("erblock.toml").write_text("[tables]\nleft = 'b.csv'\n", encoding="utf-8")
    assert load_config(None, {}).tables.left == "b.csv"


def test_a_config_cannot_be_changed(load):
    with pytest.raises(ValueError, match="frozen"):
        load("[tables]\nleft = 'a'").fit.epochs = 2


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[tables]\ncolums = []", "unknown key 'colums' in [tables]; did you mean 'columns'?"),
        ("[table]\nleft = 'a'", "unknown section [table]; did you mean 'tables'?"),
        ("left = 'a'", "'left' must be in a section"),
        ("[tables", "cannot be read as TOML"),
        ("[fit]", "no left table"),
        ("[tables]\nleft = 3", "[tables] left: expected text in quotes, found 3"),
        ("[tables]\nleft='a'\ndelimiter=';;'", "[tables] delimiter: expected at most 1 character"),
        ("[tables]\nleft='a'\n[fit]\nbatch_size='x'", "[fit] batch_size: expected a whole number, found 'x'"),
        ("[tables]\nleft='a'\n[rules]\nmatch='x'", '[rules] match: expected a list, ["...", "..."], found'),
        ("[tables]\nleft='a'\n[rules]\nmatch=['x', 3]", "[rules] match, entry 2: expected text in quotes"),
        ("[tables]\nleft='a'\n[block]\nmethod='foo'", "[block] method: expected 'minhash'"),
    ],
)
def test_mistakes_name_section_and_key(message, tmp_path, text, complaint):
    assert complaint in message(text)


def test_mistakes_on_the_command_line_name_the_option(message):
    text = "[tables]\nleft = 'a'"
    assert message(text, {"fit": {"batch_size": 0}}).startswith("--batch-size: expected greater than")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"no such file: .*erblock init"):
        load_config(tmp_path / "none.toml", {})


def test_the_sections_are_those_of_the_config():
    assert list(SECTIONS) == list(Config.model_fields)


def test_every_key_is_described():
    for section in SECTIONS.values():
        assert all(field.description for field in section.model_fields.values())


def test_the_page_on_the_settings_is_up_to_date():
    page = (DOCS / "configuration.md").read_text(encoding="utf-8")
    renewed = runpy.run_path(str(DOCS / "generate.py"))["up_to_date"](page)
    assert page == renewed, "run: python docs/generate.py"
    assert all(f"| `{key}` |" in page for section in SECTIONS.values() for key in section.model_fields)


@pytest.mark.parametrize(
    ("written", "size"),
    [("500MB", 500 * 10**6), ("1.5 GB", 1_500_000_000), ("2GiB", 2 << 30)],
)
def test_amounts_of_memory_are_read_as_written(written, size):
    assert bytes_of(written) == size


@pytest.mark.parametrize("written", ["0MB", "0.0 GB", "9" * 400 + "MB", "many", "-1GB"])
def test_no_memory_and_more_than_there_is_are_refused(written):
    with pytest.raises(ConfigError, match="--memory: expected an amount of memory such as 500MB or 4GB"):
        load_config(None, {"tables": {"left": "a.csv"}, "block": {"memory": written}})


def test_a_pipe_in_the_place_of_settings_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "erblock.toml")
    with pytest.raises(ConfigError, match="expected a file"):
        load_config(tmp_path / "erblock.toml", {})
