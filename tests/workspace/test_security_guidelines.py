"""docs/security_guidelines.md: each line of the checklist names a test that exists."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CHECKLIST = (
    (ROOT / "docs" / "security_guidelines.md").read_text().partition("## The checklist")[2].partition("\n## ")[0]
)
NAMED = re.compile(r"`(tests/[\w/.]+)::(\w+)`")
ROWS = [
    line for line in CHECKLIST.splitlines() if line.startswith("| ") and not re.match(r"\| (what holds|\*\*)", line)
]


@cache
def functions_in(file: str) -> set[str]:
    """The names of all functions in a file, those of classes too."""
    nodes = ast.walk(ast.parse((ROOT / file).read_text()))
    return {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[1].strip()[:60])
def test_each_line_names_tests_that_exist(row: str) -> None:
    named = NAMED.findall(row)
    assert named, "no test is named"
    assert [f"{file}::{name}" for file, name in named if name not in functions_in(file)] == []


@pytest.mark.parametrize("subject", ["CORS", "Requests per caller", "CURVE", "credential", "DNS rebinding", "secret"])
def test_the_subjects_of_the_plan_are_on_it(subject: str) -> None:
    assert any(subject in row for row in ROWS)
