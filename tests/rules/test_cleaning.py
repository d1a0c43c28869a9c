"""Functions of values inside the similarities of rules."""

import sys

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from erblock.cli import app
from erblock.errors import MissingExtraError, RuleError
from erblock.rules.answers import answers_of
from erblock.rules.compile import FALSE, TRUE, UNKNOWN, compile_rules
from erblock.rules.parse import parse_rule
from erblock.similarity import VALUE_FUNCTIONS, Applied

TEXTS = st.text(alphabet="aZé\u0130ß\u200bøЖ9\u0665 .-+@/", max_size=12)


def value(name, text, option=None):
    return Applied(name, option)(pl.Series([text], dtype=pl.String))[0]


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("digits", "+44 (0)20-7946 0018", "4402079460018"),
        ("digits", "\u0663\u0664", "34"),
        ("digits", "none", None),
        ("digits", None, None),
        ("compact", "ec1a 1bb", "ec1a1bb"),
        ("compact", "EC1A-1BB", "ec1a1bb"),
        ("compact", "...", None),
        ("fold", "M\u00fcller\u200b-L\u00dcDENSCHEIDT", "muller-ludenscheidt"),
        ("fold", "M\u0075\u0308ller", "muller"),
        ("fold", "S\u00f8ren \u0141ukasz \u00c6r\u00f8", "soren lukasz aero"),
        ("fold", "Stra\u00dfe", "strasse"),
        ("fold", "\u0130stanbul", "istanbul"),
        ("year", "1999-03-04", "1999"),
        ("year", "4 March 1999", "1999"),
        ("year", "04/03/1999", "1999"),
        ("year", "c. 1875", "1875"),
        ("year", "1999", "1999"),
        ("year", "1914-1918", None),
        ("year", "model 19995", None),
        ("year", "next year", None),
        ("domain", "Ann <ann@Mail.Example.COM>", "mail.example.com"),
        ("domain", "ann@example.org.", "example.org"),
        ("domain", "ann.example.org", None),
        ("domain", "ann@localhost", None),
        ("metaphone", "Knight", "NFT"),
        ("metaphone", "Jon Smith", "JN SM0"),
        ("metaphone", "\u4e2d\u6587", None),
    ],
)
def test_value(name, text, expected):
    if expected == "NFT":
        expected = value("metaphone", "night")
    assert value(name, text) == expected


@pytest.mark.parametrize(
    ("text", "region", "expected"),
    [
        ("020 7946 0018", "GB", "+442079460018"),
        ("+44 (0)20 7946 0018", "GB", "+442079460018"),
        ("0044 20 79460018", "GB", "+442079460018"),
        ("+49 30 901820", "GB", "+4930901820"),
        ("+49 30 901820", None, "+4930901820"),
        ("030 901820", "DE", "+4930901820"),
        ("020 7946 0018", None, None),
        ("12", "GB", None),
        ("call me", "GB", None),
    ],
)
def test_phone(text, region, expected):
    assert value("phone", text, region) == expected


@given(TEXTS, st.sampled_from(["digits", "compact", "fold", "metaphone"]))
def test_what_is_clean_stays_as_it_is(text, name):
    once = value(name, text)
    if name != "metaphone":
        assert once == (None if once is None else value(name, once))
    # Case and what nobody sees make no difference.
    assert value(name, text.swapcase().swapcase()) == value(name, text.swapcase().swapcase() + "\u200b")


@given(st.lists(st.one_of(st.none(), TEXTS), max_size=6), st.sampled_from(sorted(VALUE_FUNCTIONS)))
def test_a_value_does_not_depend_on_the_others(texts, name):
    if name == "year":  # the order of day and month is read from the whole column
        return
    function = Applied(name, VALUE_FUNCTIONS[name].option)
    column = function(pl.Series(texts, dtype=pl.String))
    assert column.to_list() == [value(name, text, VALUE_FUNCTIONS[name].option) for text in texts]
    assert column.dtype == pl.String


@pytest.fixture(scope="module")
def contacts(records, pair_of):
    """Five people of two tables, the same in each row."""
    left = records(
        "left",
        name=["Søren Müller", "Ann Lee", "Bob Ray", "Jon Snow", "Zoë"],
        phone=["020 7946 0018", "(0161) 496-0002", None, "0131 496 0003", "x"],
        postcode=["EC1A 1BB", "m1 1ae", "ZZ", None, "N1"],
        email=["a@x.org", "ann@Mail.com", "bob@x.org", "jon@x.org", None],
        born=["1975-02-28", "1980", "3 May 1961", "1999-01-01", "?"],
    )
    right = records(
        "right",
        name=["SOREN MULLER", "Anne Lee", "Robert Ray", "John Snow", "zoe"],
        tel=["+44 20 7946 0018", "01614960002", "020", "0131 496 0004", "y"],
        postcode=["ec1a1bb", "M1-1AE", "ZY", "N2", "n1"],
        email=["b@X.ORG", "lee@mail.com", "bob@y.org", "none", "z@x.org"],
        born=["28/02/1975", "1981", "1961", "2000", "1990"],
    )
    return pair_of(left, right, mapped=[("phone", "tel")])


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("exact(fold(name))", [TRUE, FALSE, FALSE, FALSE, TRUE]),
        ("exact(name)", [FALSE, FALSE, FALSE, FALSE, FALSE]),
        ("exact(compact(postcode))", [TRUE, TRUE, FALSE, UNKNOWN, TRUE]),
        ("exact(phone(phone, 'GB'))", [TRUE, TRUE, UNKNOWN, FALSE, UNKNOWN]),
        ("exact(digits(phone))", [FALSE, TRUE, UNKNOWN, FALSE, UNKNOWN]),
        ("exact(digits(left.phone), phone(right.tel, 'GB'))", [FALSE, FALSE, UNKNOWN, FALSE, UNKNOWN]),
        ("exact(domain(email))", [TRUE, TRUE, FALSE, UNKNOWN, UNKNOWN]),
        ("domain(email) = 'x.org'", [TRUE, FALSE, FALSE, UNKNOWN, UNKNOWN]),
        ("exact(metaphone(name))", [TRUE, TRUE, FALSE, TRUE, TRUE]),
        ("edit_distance(fold(name)) <= 1", [TRUE, TRUE, FALSE, TRUE, TRUE]),
        ("prefix(compact(fold(name)), 3)", [TRUE, TRUE, FALSE, FALSE, TRUE]),
        ("absolute_difference(year(born)) <= 1", [TRUE, TRUE, TRUE, TRUE, UNKNOWN]),
        ("year(left.born) = year(right.born)", [TRUE, FALSE, TRUE, FALSE, UNKNOWN]),
        ("year(right.born) - year(left.born) = 1", [FALSE, TRUE, FALSE, TRUE, UNKNOWN]),
        ("is_null(digits(left.phone))", [FALSE, FALSE, TRUE, FALSE, TRUE]),
        ("left.phone IS NULL OR DIGITS(left.phone) IS NULL", [FALSE, FALSE, TRUE, FALSE, TRUE]),
    ],
)
def test_rules_on_clean_values(contacts, rule, expected):
    rules = compile_rules([rule], [], contacts)
    assert rules.evaluate(np.arange(5), np.arange(5))[0].tolist() == expected


def test_a_function_makes_another_measure_of_the_same_column(contacts):
    rules = compile_rules(
        ["exact(name)", "exact(fold(name))", "exact(fold(left.name), name)"][:2], [], contacts
    )
    assert rules.evaluate(np.array([0]), np.array([0]))[:, 0].tolist() == [FALSE, TRUE]
    shown = answers_of(compile_rules(["exact(phone(phone, 'GB')) OR year(born) = 1975"], [], contacts), 0, 0)
    assert shown[0].values == {
        "exact(phone(phone, 'GB'))": "1",
        "year(left.born)": "1975",
        "year(right.born)": "1975",
    }


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("digits(phone)", "character 1: digits gives a value; compare it, as in exact(digits(phone))"),
        ("digits(phone) AND exact(a)", "digits gives a value"),
        ("exact(digit(phone))", "found digit(phone); did you mean 'digits'?"),
        ("digit(phone)", "no function 'digit'; did you mean 'digits'?"),
        ("exact(digits())", "digits is written digits(phone), found nothing"),
        ("exact(digits('x'))", "digits is written digits(phone), found the text 'x'"),
        ("exact(digits(phone, 2))", "digits is written digits(phone), found phone, 2"),
        ("exact(phone(phone, 'UK'))", "expected a country of two letters, found 'UK'"),
        ("exact(phone(phone, 44))", "expected a country of two letters, found 44"),
        ("exact(fold(jaro_winkler(name)))", "fold is written fold(name), found jaro_winkler(name)"),
        ("fold(name) >= 'x'", "can only be compared with a column, by = or !="),
    ],
)
def test_a_mistake_names_the_place(rule, message):
    with pytest.raises(RuleError) as error:
        parse_rule("match", 1, rule)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (
            "exact(domain(name))",
            "domain needs values such as it reads, but column 'name' of left.csv holds none",
        ),
        ("year(left.email) = 1999", "year needs values such as it reads, but column 'email' of left.csv"),
        ("exact(fold(nmae))", "no column 'nmae'; did you mean 'name'?"),
        ("exact(fold(left.nmae), fold(right.name))", "no column 'nmae' in left.csv"),
    ],
)
def test_a_function_that_finds_nothing_in_a_column_is_refused(contacts, rule, message):
    with pytest.raises(RuleError) as error:
        compile_rules([rule], [], contacts)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("rule", "package"), [("phone(p, 'GB')", "phonenumbers"), ("metaphone(p)", "jellyfish")]
)
def test_a_package_that_is_not_installed_is_named(rule, package, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.setattr("erblock.errors.find_spec", lambda name: None if name == package else object())
    with pytest.raises(MissingExtraError, match=rf"package {package}: pip install 'erblock\[values\]'"):
        parse_rule("match", 1, f"exact({rule})")


def test_rules_check_and_show_know_them(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rows = [(f"{i}", f"Zoë {i}", f"020 7946 {i:04}") for i in range(40)]
    pl.DataFrame(rows, schema=["id", "name", "phone"], orient="row").write_csv("left.csv")
    other = [(f"{i}", f"ZOE {i}", f"+44 20 7946 {i:04}") for i in range(40)]
    pl.DataFrame(other, schema=["id", "name", "phone"], orient="row").write_csv("right.csv")
    (tmp_path / "erblock.toml").write_text(
        '[tables]\nleft = "left.csv"\nright = "right.csv"\n'
        "[rules]\nmatch = [\"exact(phone(phone, 'GB')) AND exact(fold(name))\"]\n",
        encoding="utf-8",
    )
    assert app.run(["rules", "check", "--pairs", "2000"]) == 0
    assert "40 similar" in capsys.readouterr().out
    assert app.run(["rules", "show"]) == 0
    out = capsys.readouterr().out
    assert "phone(phone, 'GB')" in out
    assert "compact(postcode)" in out
