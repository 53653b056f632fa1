"""The documents on faults: each part of the torture is in them; figures are written in their place."""

import re
from pathlib import Path

import pytest

from tests.torture import main

ROOT = Path(__file__).resolve().parents[2]


def test_each_part_is_explained_with_the_test_that_does_the_same_in_small() -> None:
    explained = (ROOT / "docs/reliability.md").read_text().partition("## What each part does")[2]
    rows = [line.strip("| ").split(" | ") for line in explained.splitlines() if line.startswith("| `")]
    assert {part for row in rows for part in re.findall(r"`([\w-]+)`", row[0])} == set(main.PARTS)
    for name, _, tests in rows:
        files = re.findall(r"`(tests/[\w/]+/test_\w+\.py)`", tests)
        assert files or (name, tests) == ("`volume`", "–"), name
        assert all((ROOT / file).exists() for file in files), name


def test_figures_replace_those_of_the_last_run_in_the_order_of_the_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = tmp_path / "reliability.md"
    document.write_text("before\n\n| part | what |\n|---|---|\n| `soak` | old |\n\n| part | fault |\n|---|---|\n")
    monkeypatch.setattr(main, "DOCUMENT", document)
    main.note("soak", "| `soak` | new |")
    main.note("kill-web", "| `kill-web` | first |")
    table = "| part | what |\n|---|---|\n| `kill-web` | first |\n| `soak` | new |\n"
    assert document.read_text() == f"before\n\n{table}\n| part | fault |\n|---|---|\n"


def test_commands_and_exit_codes_are_as_documented() -> None:
    text = (ROOT / "docs/operations.md").read_text()
    for command in ("trading-app doctor", "trading-app backup", "trading-app restore", "metrics-sidecar doctor"):
        assert f".venv/bin/{command}" in text
