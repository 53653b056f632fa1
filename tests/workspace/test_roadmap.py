"""docs/roadmap.md: each line has a state, and what is done and has a path is there."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (ROOT / "docs" / "roadmap.md").read_text().splitlines()
    if line.startswith("| ") and not line.startswith("| the plan's name")
]


def test_each_line_says_what_it_is_here_and_its_state() -> None:
    states = {"done", "replaced", "planned", "not planned"}
    assert ROWS
    assert [row for row in ROWS if len(row) != 3 or not row[1] or row[2] not in states] == []


def test_what_is_done_at_a_path_is_there() -> None:
    paths = {
        path
        for _, here, state in ROWS
        if state == "done"
        for path in re.findall(
            r"(?:`|\()((?:\.ci|\.github|config|docs|infra|tests|libs)/[\w./-]+|\w+\.md)(?=[`)#])", here
        )
    }
    assert len(paths) > 5
    assert [path for path in sorted(paths) if not any((place / path).exists() for place in (ROOT, ROOT / "docs"))] == []
