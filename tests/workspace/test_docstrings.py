"""Docstrings of the product stand alone: whoever reads one has not read the one before it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.workspace.test_architecture import PACKAGES

LEANING = re.compile(r"(The same\b|Those\b|That of\b|As\b|Both\b|Likewise\b|Such\b)")
"""How the first sentence begins that leans on another docstring."""


def docstrings(file: Path) -> Iterator[tuple[int, str]]:
    """Line and text of each docstring, those of attributes too."""
    for node in ast.walk(ast.parse(file.read_text())):
        for statement in getattr(node, "body", []) if isinstance(getattr(node, "body", None), list) else []:
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
                yield statement.lineno, str(statement.value.value)


def test_no_docstring_leans_on_the_one_before() -> None:
    files = [file for folder in PACKAGES.values() for file in sorted(folder.rglob("*.py"))]
    found = [
        f"{file.name}:{line}: {text[:60]}" for file in files for line, text in docstrings(file) if LEANING.match(text)
    ]
    assert not found
