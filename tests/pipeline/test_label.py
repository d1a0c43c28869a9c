import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erblock.config import load_config
from erblock.errors import ErblockError
from erblock.pipeline.block import block
from erblock.pipeline.label import BATCH, LabelSession, SessionSummary, labelled

HEADER = b"left_id,right_id,label\n"


def settings_of(folder, **match):
    section = {"pairs": str(folder / "pairs.parquet"), "labels": str(folder / "labels.csv")}
    tables = {"left": str(folder / "left.csv")}
    if (folder / "right.csv").exists():
        tables["right"] = str(folder / "right.csv")
    return load_config(None, {"tables": tables, "match": section | match})


def blocked(folder, *tables):
    for name, table in zip(("left", "right"), tables, strict=False):
        table.write_csv(folder / f"{name}.csv")
    config = settings_of(folder)
    block(config.model_copy(update={"block": config.block.model_copy(update={"output": config.match.pairs})}))
    return folder


@pytest.fixture(scope="module", params=["two tables", "one table", "few records"])
def folder(request, products, tmp_path_factory):
    left, right = products(8 if request.param == "few records" else 60)
    tables = (left, right)
    if request.param == "one table":
        tables = (pl.concat([left, right.select(left.columns)]),)
    return blocked(tmp_path_factory.mktemp("session"), *tables)


@pytest.fixture
def fresh(folder):
    (folder / "labels.csv").unlink(missing_ok=True)
    return settings_of(folder)


def is_match(question):
    return int(str(question.left_id)[1:] == str(question.right_id)[1:])


def ends(question):
    return question.left_id, question.right_id


def asked_until(session, most):
    """Answer truly until `most` questions are answered or none is left; return them."""
    questions = []
    while len(questions) < most:
        if session.due:
            session.learn()
        question = session.question()
        if question is None:
            break
        session.answer(is_match(question))
        questions.append(question)
    return questions


def test_answers_are_in_the_file_at_once(fresh):
    session = LabelSession(fresh)
    assert session.path.read_bytes() == HEADER
    session.learn()
    question = session.question()
    for label, text in ((1, "1"), (None, ""), (0, "0")):
        question = session.question()
        session.answer(label)
        last = session.path.read_text(encoding="utf-8").splitlines()[-1]
        assert last == f"{question.left_id},{question.right_id},{text}"
    assert session.summary == SessionSummary(session.path, 1, 1, 1, 2)


def test_no_record_twice_in_a_batch_and_no_pair_in_two_sessions(fresh):
    session, batch = LabelSession(fresh), []
    session.learn()
    while not session.due:
        batch += asked_until(session, 1)
    records = [end for question in batch for end in enumerate(ends(question))]
    assert len(records) == len(set(records))
    pairs = list(map(ends, batch + asked_until(session, BATCH) + asked_until(LabelSession(fresh), BATCH)))
    assert len(pairs) == len(set(pairs))


def test_every_pair_is_asked_about_once_and_then_none(folder, products, tmp_path):
    config = settings_of(blocked(tmp_path, *products(5)))
    session = LabelSession(config)
    every = pl.read_parquet(config.match.pairs).height
    assert len(asked_until(session, 10**6)) == every
    assert session.due
    assert session.question() is None
    assert LabelSession(config).learn().labels == every


def test_the_same_answers_lead_to_the_same_questions(fresh):
    first = LabelSession(fresh)
    questions = asked_until(first, 25)
    first.path.unlink()
    assert asked_until(LabelSession(fresh), 25) == questions


def test_it_learns_after_a_batch_and_says_what_changed(fresh):
    session = LabelSession(fresh)
    assert session.due
    refit = session.learn()
    assert (refit.labels, refit.changed) == (0, None)
    for number in range(BATCH):
        if session.due:  # fewer than a batch, where records are few
            break
        session.answer(is_match(session.question()))
        assert session.summary.total == number + 1
    assert session.due
    refit = session.learn()
    assert refit.labels == session.summary.total
    assert refit.changed is not None


@settings(max_examples=10)
@given(st.data())
def test_no_pair_twice_and_undo_restores_the_file_byte_for_byte(folder, data):
    start = data.draw(st.sampled_from([b"", HEADER.replace(b"\n", b"\r\n"), HEADER.strip()]))
    (folder / "labels.csv").write_bytes(start)
    session = LabelSession(settings_of(folder))
    files, asked = [], []
    for _ in range(data.draw(st.integers(0, 25))):
        if session.due:
            session.learn()
        question = session.question()
        if question is None:
            break
        if data.draw(st.integers(0, 3)) == 0:
            assert session.undo() == bool(asked)
            if asked:
                assert session.path.read_bytes() == files.pop()
                assert session.question() == asked.pop()
            continue
        assert ends(question) not in map(ends, asked)
        files.append(session.path.read_bytes())
        asked.append(question)
        session.answer(data.draw(st.sampled_from([1, 0, None])))
    while files:
        assert session.undo()
        assert session.path.read_bytes() == files.pop()
    assert not session.undo()
    assert session.summary == SessionSummary(session.path, 0, 0, 0, 0)


def test_earlier_answers_are_remembered_in_either_direction(folder, fresh):
    found = pl.read_parquet(fresh.match.pairs)
    rows = [(a, b, "") for a, b in found.select("left_id", "right_id").rows()[:-3]]
    if not (folder / "right.csv").exists():
        rows = [(b, a, label) for a, b, label in rows]
    rows.append((rows[0][0], rows[0][1], "1"))  # unsure at first, and told later
    pl.DataFrame(rows, schema=["left_id", "right_id", "label"], orient="row").write_csv(fresh.match.labels)
    session = LabelSession(fresh)
    assert session.summary.total == 1
    left = asked_until(session, 100)
    assert {ends(question) for question in left} == set(found.select("left_id", "right_id").rows()[-3:])


def test_a_question_shows_the_compared_columns(folder, fresh):
    session = LabelSession(fresh)
    session.learn()
    question = session.question()
    tables = [pl.read_csv(folder / "left.csv", infer_schema=False)] * 2
    if (folder / "right.csv").exists():
        tables[1] = pl.read_csv(folder / "right.csv", infer_schema=False)
    one, other = (
        table.row(by_predicate=pl.col("id") == value, named=True)
        for table, value in zip(tables, ends(question), strict=True)
    )
    assert question.columns == tuple((name, one[name], other[name]) for name in ("name", "price"))


def test_labels_change_what_is_believed(products, tmp_path):
    config = settings_of(blocked(tmp_path, *products(60)))
    before = LabelSession(config).learn().likely
    pairs = pl.read_parquet(config.match.pairs).select("left_id", "right_id", label=pl.lit(0)).head(25)
    pairs.write_csv(config.match.labels)
    assert LabelSession(config).learn().likely < before


def test_after_a_session_its_labels_are_used_if_there_are_any(fresh):
    path = LabelSession(fresh).path
    assert labelled(fresh, SessionSummary(path, 0, 0, 3, 0)).match.labels is None
    assert labelled(fresh, SessionSummary(path, 0, 0, 0, 1)).match.labels == str(path)


@pytest.mark.parametrize(
    ("option", "value", "complaint"),
    [
        ("use", "matcher", "--label trains a matcher"),
        (
            "labels",
            "left.csv",
            r"--labels .*: this would overwrite the table .*left\.csv; expected another name",
        ),
        ("labels", "pairs.parquet", "expected a name ending in .csv"),
        ("labels", "matches.csv", r"--labels .*matches\.csv is written there; expected another name"),
        ("labels", "new.xlsx", "expected a name ending in .csv"),
        ("output", "left.csv", "left.csv"),
        ("pairs", "none.parquet", "no such file"),
    ],
)
def test_nothing_is_written_where_a_session_cannot_begin(folder, fresh, option, value, complaint):
    given_all = {"output": str(folder / "matches.csv"), option: str(folder / value)}
    before = sorted(path.name for path in folder.iterdir())
    with pytest.raises(ErblockError, match=complaint) as caught:
        LabelSession(settings_of(folder, **given_all))
    assert "\n" not in str(caught.value)
    assert sorted(path.name for path in folder.iterdir()) == before


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("a,b,c\n1,2,3\n", "needs the columns left_id and right_id"),
        ("left_id,right_id\n", "needs a column 'label'"),
        ("left_id,right_id,label\nl0,r0,perhaps\n", "row 1: the label must be 0 or 1, found 'perhaps'"),
        ("left_id,right_id,label\nl0,zzz,1\n", "right_id zzz not in the right table"),
    ],
)
def test_a_file_that_holds_no_labels_is_left_as_it_is(fresh, content, complaint):
    path = LabelSession(fresh).path
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ErblockError, match=complaint):
        LabelSession(fresh)
    assert path.read_text(encoding="utf-8") == content
