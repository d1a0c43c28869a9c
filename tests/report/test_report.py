"""`erblock report`, by the command line and in a real browser: one page, no request, all values as text."""

import json
import os
import re
import shutil
import tomllib
from pathlib import Path

import polars as pl
import pytest

from erblock.cli import app

SIZE = 90
BAD = "<script>window.owned=1</script>"
BREAK_OUT = '</script><img src=x onerror="window.owned=1"> \'"&amp; {{ 7 * 7 }}'
UNSEEN = "bell\x07 turn\u202e"
COLUMN = '<b onclick="window.owned=1">col</b>'
SETTINGS = """
[tables]
left = "left.csv"
right = "right.csv"
[rules]
match = ["token_sort_ratio(name) >= 60 AND exact(price)", "exact(name) OR name = '</script><b>'"]
conflict = ["relative_difference(price) > 0.9"]
[fit]
method = "minhash"
[block]
max_pairs = 300
[match]
clusters = "entities.csv"
all = true
[check]
gold = "gold.csv"
"""
PLAIN = '[tables]\nleft = "left.csv"\nright = "right.csv"\ncolumns = ["name", "price"]\n'


def hostile(table):
    """The table with values that a page must not obey, and a column that it must not obey either."""
    names = [f"{name} {BAD} {BREAK_OUT} {UNSEEN}" for name in table["name"]]
    prices = [None if i % 7 == 0 else price for i, price in enumerate(table["price"])]
    return table.with_columns(pl.Series("name", names), pl.Series("price", prices), pl.lit(BAD).alias(COLUMN))


@pytest.fixture(scope="module")
def finished(products, tmp_path_factory):
    """Tables, settings and known matches, and the run that they ask for."""
    folder = tmp_path_factory.mktemp("finished")
    for name, table in zip(("left", "right"), products(SIZE), strict=True):
        hostile(table).write_csv(folder / f"{name}.csv")
    ids = range(SIZE)
    gold = pl.DataFrame({"left_id": [f"l{i}" for i in ids], "right_id": [f"r{i}" for i in ids]})
    gold.write_csv(folder / "gold.csv")
    (folder / "erblock.toml").write_text(SETTINGS, encoding="utf-8")
    assert app.run(["run", str(folder / "erblock.toml"), "-o", str(folder / "run")]) == 0
    return folder


@pytest.fixture
def here(finished, tmp_path, monkeypatch):
    """A copy of all that, as the current folder; the settings of the run name the tables in it."""
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    edit(tmp_path / "run" / "erblock.toml", str(finished), str(tmp_path))
    return tmp_path


@pytest.fixture(scope="module")
def written(finished):
    """The page about the run."""
    place = finished / "page.html"
    assert app.run(["report", str(finished / "run"), "-o", str(place)]) == 0
    return place


def edit(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def files(folder):
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def titles(page):
    before_scripts = page.read_text(encoding="utf-8").split("<script>")[0]
    return re.findall("<h2>(.*?)</h2>", before_scripts)


def opened(browser, page, width=1280, scheme="light"):
    """Open a page in the browser; its slider, if it has one, is there then."""
    browser.open(page, width, scheme)
    browser.wait("!document.querySelector('.cut') || !document.querySelector('.cut').hidden")
    return browser


CHARTS = [
    *("Recall against cost", "Scores of pairs", "Probabilities of matches", "Calibration"),
    *("Records without a candidate", "Bucket sizes", "Matches per rule", "Cluster sizes"),
]


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark")])
def test_a_browser_draws_every_chart_and_neither_asks_nor_complains(width, scheme, browser, written):
    page = opened(browser, written, width, scheme)
    assert page.requests == [written.resolve().as_uri()]
    assert page.complaints == []
    drawn = """[...document.querySelectorAll('figure')].map(figure => {
      const svg = [...figure.querySelectorAll('svg')].find(each => each.getBoundingClientRect().width > 0);
      const marks = svg.querySelectorAll('.mark-rect path, .mark-line path, .mark-symbol path');
      const box = svg.getBoundingClientRect();
      return [figure.getAttribute('aria-label').split(':')[0], marks.length, box.width, box.height];
    })"""
    charts = page.value(drawn)
    assert [name for name, *_ in charts] == CHARTS
    assert all(marks > 0 and across > 150 and up > 60 for _, marks, across, up in charts)
    assert page.value("document.documentElement.scrollWidth") <= width
    dark = page.value("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 27)"
    assert dark == (scheme == "dark")


def test_hostile_values_are_shown_as_text(browser, written):
    page = opened(browser, written)
    assert page.value("window.owned") is None
    assert page.value("document.querySelectorAll('main img, main b').length") == 0
    text = page.value("document.body.innerText")
    for said in (BAD, "</script><img src=x", "{{ 7 * 7 }}", "bell\\x07", "turn\\u202e", COLUMN):
        assert said in text, said
    assert "exact(name) OR name = '</script><b>'" in page.value("document.body.textContent")
    assert not re.search(
        r"[\x00-\x08\x0b-\x1f\x7f\u202e]", written.read_text(encoding="utf-8").split("<script>")[0]
    )


def test_the_slider_says_what_a_budget_would_keep(browser, written):
    page = opened(browser, written)
    assert page.value("document.getElementById('cut-said').textContent").startswith("300 pairs: estimated")
    said = {}
    for place in ("0", "this.max"):
        page.value(f"""(function () {{
          this.value = {place};
          this.dispatchEvent(new Event('input'));
        }}).call(document.getElementById('cut'))""")
        said[place] = page.value("document.getElementById('cut-said').textContent")
        assert page.value("document.getElementById('cut').getAttribute('aria-valuetext')") == said[place]
    pairs = [int(text.split(" pairs")[0].replace(",", "")) for text in said.values()]
    assert pairs[0] < 300 < pairs[1]
    assert page.complaints == []


def test_the_page_is_printed_light_and_without_what_cannot_be_moved(browser, written, tmp_path):
    page = opened(browser, written, scheme="dark")
    page.printed(tmp_path / "page.pdf")
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")
    page.ask("Emulation.setEmulatedMedia", media="print")
    assert page.value("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    shown = "getComputedStyle(document.querySelector('{}')).display"
    assert page.value(shown.format(".cut")) == page.value(shown.format(".moving")) == "none"
    assert page.value(shown.format(".live .still")) == "block"


def luminance(color):
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    """Contrast ratio of WCAG 2."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_text_and_marks_stand_out_in_either_scheme(written):
    schemes = re.findall(r":root \{(.*?)\}", written.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert len(schemes) == 2
    for scheme in schemes:
        color = dict(re.findall(r"--([\w-]+): (#\w{6})", scheme))
        for ground in ("page", "card"):
            assert all(contrast(color[name], color[ground]) >= 4.5 for name in ("ink", "soft", "link"))
            assert all(contrast(color[name], color[ground]) >= 3 for name in ("one", "other"))
        assert contrast(color["mark-ink"], color["mark"]) >= 4.5


def test_the_page_says_what_the_run_found(here, capsys):
    capsys.readouterr()
    assert app.run(["report", "run/run.json"]) == 0
    assert capsys.readouterr().out == f"{Path('run/report.html')}: 300 pairs\n"
    text = Path("run/report.html").read_text(encoding="utf-8")
    pairs, matches, _ = json.loads(Path("run/evaluate.json").read_text(encoding="utf-8"))
    assert f"{pairs['hits']} of {SIZE} known matches" in text
    assert f"<dd>{100 * matches['f1']:.1f} %</dd>" in text
    assert "erblock run run/erblock.toml -o run-again" in text
    settings = tomllib.loads(Path("run/erblock.toml").read_text(encoding="utf-8"))
    assert f"max_pairs = {settings['block']['max_pairs']}" in text
    assert app.run(["report", "run"]) == 0  # over the page of before
    assert app.run(["run"]) == 0  # which is nothing that the run minds


def test_sections_are_those_that_the_run_has_data_for(here):
    (here / "plain.toml").write_text(PLAIN, encoding="utf-8")
    assert app.run(["run", "plain.toml", "-o", "plain"]) == 0
    assert app.run(["report", "plain", "-o", "plain.html", "--samples", "0"]) == 0
    assert set(titles(Path("plain.html"))) <= {
        *("Recall against cost", "Scores of pairs", "Records without a candidate", "Bucket sizes"),
        *("Repeat this run", "Versions and files"),
    }
    assert "window.owned" not in Path("plain.html").read_text(encoding="utf-8")


def test_one_table_has_one_side(here):
    both = pl.concat(
        [pl.read_csv("left.csv", infer_schema=False), pl.read_csv("right.csv", infer_schema=False)]
    )
    both.write_csv("both.csv")
    (here / "one.toml").write_text('[tables]\nleft = "both.csv"\n[match]\n', encoding="utf-8")
    assert app.run(["run", "one.toml", "-o", "one"]) == 0
    assert app.run(["report", "one", "--samples", "2"]) == 0
    assert "Sample pairs" in titles(Path("one/report.html"))


def test_sources_that_meet_are_shown(here, browser):
    tables = (pl.read_csv(f"{side}.csv", infer_schema=False) for side in ("left", "right"))
    shops = [part.with_columns(shop=pl.lit(name)) for part, name in zip(tables, ("<i>A", "B"), strict=True)]
    pl.concat(shops).write_csv("both.csv")
    settings = '[tables]\nleft = "both.csv"\nsource = "shop"\n[match]\n'
    (here / "one.toml").write_text(settings, encoding="utf-8")
    assert app.run(["run", "one.toml", "-o", "one"]) == 0
    page = opened(browser, Path("one/report.html"), 360)
    assert page.complaints == []
    matches = pl.read_parquet("one/matches.parquet").height
    pairs = pl.read_parquet("one/pairs.parquet").height
    cells = "[...document.querySelectorAll('section td, section th')]"
    told = page.value(f"{cells}.map(cell => cell.textContent).join(' ')")
    assert f"<i>A B {pairs:,} {matches:,}" in told
    assert f"left source B {SIZE}" in told
    assert "2 sources have pairs; <i>A and B" in page.value("document.body.textContent")


def test_a_run_that_stopped_early_says_what_it_lacks(here, capsys):
    assert app.run(["run", "-o", "early", "--to", "block"]) == 0
    assert app.run(["report", "early"]) == 0
    assert "match, evaluate has not been done" in capsys.readouterr().err
    assert "match, evaluate has not been done" in Path("early/report.html").read_text(encoding="utf-8")


def of_record(change):
    def spoil(folder):
        place = folder / "run" / "run.json"
        record = json.loads(place.read_text(encoding="utf-8"))
        change(record)
        place.write_text(json.dumps(record), encoding="utf-8")

    return spoil


@pytest.mark.parametrize(
    ("break_it", "line", "said"),
    [
        (lambda f: None, "report gone", "expected the folder of an erblock run"),
        (lambda f: None, "report left.csv", "expected the folder of an erblock run"),
        (lambda f: (f / "run" / "run.json").write_text("[]"), "report", "found no run.json"),
        (of_record(lambda r: r["steps"].clear()), "report", "the run is not finished, no step is done"),
        (
            of_record(lambda r: r["steps"].pop("block")),
            "report",
            "fit, match, evaluate is done; expected block",
        ),
        (lambda f: (f / "run" / "pairs.parquet").unlink(), "report", "has changed since the step block"),
        (lambda f: (f / "run" / "block.json").write_text("{}"), "report", "has changed since the step block"),
        (lambda f: (f / "run" / "erblock.toml").unlink(), "report", "no such file"),
        (
            of_record(lambda r: r["steps"]["block"]["outputs"].update({"/dev/zero": {"zero": "0"}})),
            "report",
            "/dev/zero has changed since the step block",
        ),
        (lambda f: (f / "left.csv").unlink(), "report", "left.csv"),
        (lambda f: edit(f / "left.csv", "l3,", "l2,"), "report", "has changed since the run in run read it"),
        (lambda f: edit(f / "gold.csv", "l3,r3\n", ""), "report", "has changed since the run in run read it"),
        (lambda f: None, "report run -o page.csv", "expected a name ending in .html"),
        (lambda f: (f / "other.html").mkdir(), "report run -o other.html", "found a folder"),
        (lambda f: os.link(f / "left.csv", f / "other.html"), "report run -o other.html", "the table /"),
        (lambda f: (f / "other.html").symlink_to("gold.csv"), "report run -o other.html", "the file /"),
        (lambda f: None, "report run -o run/model/page.html", "lies in"),
        (lambda f: None, "report run --samples -1", "--samples"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(break_it, line, said, here, capsys):
    break_it(here)
    before = files(here)
    capsys.readouterr()
    assert app.run(line.split()) == 2
    error = capsys.readouterr().err.splitlines()
    assert len(error) == 1
    assert error[0].startswith("error: ")
    assert said in error[0]
    assert files(here) == before


@pytest.mark.parametrize("package", ["jinja2", "vl_convert"])
def test_without_the_extra_the_line_says_what_to_install(package, here, monkeypatch, capsys):
    monkeypatch.setattr("erblock.errors.find_spec", lambda name: None if name == package else object())
    assert app.run(["report", "run", "-o", "without.html"]) == 2
    assert "pip install 'erblock[report]'" in capsys.readouterr().err
    assert not Path("without.html").exists()
