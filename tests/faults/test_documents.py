"""The documents on faults: each part of the torture is in them; figures are written in their place."""

from pathlib import Path

import pytest

from tests.torture import main

ROOT = Path(__file__).resolve().parents[2]


def test_each_part_is_explained() -> None:
    explained = (ROOT / "docs/reliability.md").read_text().partition("## What each part does")[2]
    assert [part for part in main.PARTS if f"`{part}`" not in explained] == []


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
