"""Formats checks for CI systems: JUnit XML, and annotations and a summary for GitHub Actions."""

from collections.abc import Sequence
from xml.etree import ElementTree as ET

from erblock.errors import visible
from erblock.evaluation.gates import Check

_LEVELS = {"failed": "error", "warning": "warning"}


def junit_xml(path: str, checks: Sequence[Check]) -> str:
    """Return the checks of the file at `path` as JUnit XML. A warning is a skipped test."""
    suite = ET.Element("testsuite", name="erblock check", tests=str(len(checks)), errors="0")
    for name, status in (("failures", "failed"), ("skipped", "warning")):
        suite.set(name, str(sum(check.status == status for check in checks)))
    for check in checks:
        case = ET.SubElement(suite, "testcase", classname=visible(path), name=check.name)
        if check.status != "passed":
            outcome = "failure" if check.status == "failed" else "skipped"
            ET.SubElement(case, outcome, message=visible(check.sentence))
    ET.indent(suite)
    text: bytes = ET.tostring(suite, encoding="utf-8", xml_declaration=True)
    return text.decode() + "\n"


def annotations(path: str, checks: Sequence[Check]) -> list[str]:
    """Return a workflow command of GitHub Actions for each check that did not pass."""
    title = _escaped(f"erblock check {path}").replace(":", "%3A").replace(",", "%2C")
    return [
        f"::{_LEVELS[check.status]} title={title}::{_escaped(check.sentence)}"
        for check in checks
        if check.status != "passed"
    ]


def summary(path: str, checks: Sequence[Check]) -> str:
    """Return the checks as a Markdown table, for the summary of a job."""
    lines = [
        f"### erblock check {_cell(path)}",
        "",
        "| check | value | limit | baseline | |",
        "|---|--:|--:|--:|---|",
    ]
    for check in checks:
        values = (check.shown(value) for value in (check.value, check.limit, check.baseline))
        said = f"{check.status}: {_cell(check.said)}" if check.said else check.status
        lines.append(f"| {check.name} | {' | '.join(values)} | {said} |")
    return "\n".join(lines) + "\n\n"


def _escaped(text: str) -> str:
    """Return text that cannot end a workflow command, escaped as GitHub's toolkit does."""
    return visible(text).replace("%", "%25")


def _cell(text: str) -> str:
    return visible(text).replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|")
