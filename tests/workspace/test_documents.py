"""Every document is well-formed: each table is one, each link leads somewhere, each file that is named exists."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
FOLDERS = (
    *(".github", "benchmarks", "config", "docs", "infra", "libs"),
    *("market-feed", "metrics-sidecar", "tests", "trading-analytics", "trading-app"),
)
FILES = [
    *(f"/{file.name}" for file in ROOT.glob("*.*")),
    *(f"/{file.relative_to(ROOT)}" for folder in FOLDERS for file in (ROOT / folder).rglob("*.*")),
]
SEPARATOR = re.compile(r"\|( ?:?-+:? ?\|)+")
LINK = re.compile(r"\]\(([^)\s]+)\)")
NAMED_FILE = re.compile(r"`([\w/.-]*\w\.(?:py|js|yml|yaml))`")


def prose(document: Path) -> list[str]:
    """The lines outside code blocks; those inside are empty."""
    lines, fenced = [], False
    for line in document.read_text().splitlines():
        fence = line.startswith("```")
        lines.append("" if fenced or fence else line)
        fenced ^= fence
    return lines


def cells(row: str) -> int:
    """The number of cells of a table's row; `\\|` is not a border."""
    return len(re.findall(r"(?<!\\)\|", row)) - 1


def tables(document: Path) -> Iterator[list[str]]:
    """Each run of lines that begin with a border."""
    table: list[str] = []
    for line in [*prose(document), ""]:
        if line.lstrip().startswith("|"):
            table.append(line.strip())
        elif table:
            yield table
            table = []


def anchors(document: Path) -> set[str]:
    """The anchors that GitHub gives to a document's headings."""
    headings = [line.lstrip("#").strip().lower() for line in prose(document) if line.startswith("#")]
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: file.name)
def test_every_table_has_a_head_and_as_many_cells_in_each_row(document: Path) -> None:
    for table in tables(document):
        assert len(table) > 2, table
        assert SEPARATOR.fullmatch(table[1]), f"a table begins without its head: {table[0]}"
        assert [row for row in table if cells(row) != cells(table[0])] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: file.name)
def test_every_link_within_the_project_leads_somewhere(document: Path) -> None:
    for target in LINK.findall("\n".join(prose(document))):
        if target.startswith(("http://", "https://")):
            continue
        name, _, anchor = target.partition("#")
        file = (document.parent / name) if name else document
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target


def test_every_file_that_a_text_names_exists() -> None:
    named = {
        (str(text.relative_to(ROOT)), name)
        for text in [*DOCUMENTS, *(ROOT / file[1:] for file in FILES if file.endswith(".py"))]
        if text.name != "roadmap.md"  # it names files of other plans
        for name in NAMED_FILE.findall(text.read_text())
    }
    assert len(named) > 50
    assert [one for one in sorted(named) if not any(file.endswith(f"/{one[1]}") for file in FILES)] == []
