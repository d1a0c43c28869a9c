"""The dialogue of `erblock match --label`. Questions go to stderr, so that stdout carries only results."""

from typing import TYPE_CHECKING

from erblock.cli import console
from erblock.cli.records import show_pair

if TYPE_CHECKING:
    from erblock.config import Config
    from erblock.pipeline.label import LabelSession, Question, RefitResult, SessionSummary

_PROMPT = "match? y / n / u(nsure) / undo / q(uit): "
_LABELS = {"y": 1, "yes": 1, "n": 0, "no": 0, "u": None, "unsure": None}
_UNDO, _QUIT = {"undo"}, {"q", "quit"}


def ask_about_pairs(settings: "Config") -> "SessionSummary":
    """Ask about pairs until the user quits or no pair is left; return the counts of labels."""
    from erblock.pipeline.label import LabelSession

    session = LabelSession(settings)
    console.keep(f"the answers are in {session.path}; repeat the command to continue")
    console.note(f"Each answer is saved to {session.path}; pairs in that file are not asked about again.")
    try:
        while _one_more(session):
            pass
    finally:  # an interrupted session has saved its answers, too; say where
        _show_summary(session.summary)
    return session.summary


def _one_more(session: "LabelSession") -> bool:
    """Ask one question; return whether to ask another."""
    if session.due:
        with console.progress() as on_progress:
            refit = session.learn(on_progress)
        _show_refit(refit)
    question = session.question()
    if question is None:
        console.note("Every candidate pair has been asked about.")
        return False
    _show_question(question)
    answer = _answer()
    if answer in _QUIT:
        return False
    if answer not in _UNDO:
        session.answer(_LABELS[answer])
    elif not session.undo():
        console.note("This session has no answer to undo.")
    return True


def _answer() -> str:
    """Ask until the answer is a known word, and return the word; the end of the input means quit."""
    while True:
        line = console.ask(_PROMPT)
        if line is None:
            return "quit"
        word = line.strip().lower()
        if word in _LABELS or word in _UNDO | _QUIT:
            return word
        console.note(f"expected y, n, u, undo or q, found '{line.strip()}'")


def _show_refit(refit: "RefitResult") -> None:
    changed = "" if refit.changed is None else f"; {refit.changed:,} pairs changed between match and no match"
    console.note(f"{refit.labels:,} labels: {refit.likely:,} pairs look like matches{changed}")


def _show_question(question: "Question") -> None:
    console.note("")
    show_pair((question.left_id, question.right_id), question.columns)


def _show_summary(summary: "SessionSummary") -> None:
    now = summary.matches + summary.others
    console.note(
        f"{summary.labels}: {now:,} pairs labelled now ({summary.matches:,} matches, "
        f"{summary.others:,} not), {summary.unsure:,} unsure; {summary.total:,} labels in all"
    )
