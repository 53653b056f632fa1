"""Every preset reads the files of its folder as the fixtures beside them say."""

from pathlib import Path

import pytest

from tests.support.file_readings import ENDING, as_fixture, choices_of, expected_of, mapping_of, readings_of
from trading_files.presets import shelf

FOLDER = Path(__file__).parent / "presets"
DOCUMENT = Path(__file__).parents[2] / "docs" / "importing.md"
FILES = sorted(file for file in FOLDER.glob("*/*") if not file.name.endswith(ENDING))


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_file_says_what_its_fixture_says(path: Path) -> None:
    expected = expected_of(path)
    found = as_fixture(readings_of(path, choices_of(expected), mapping_of(expected)))
    assert path.parent.name in found["presets"]
    assert found == {name: value for name, value in expected.items() if name not in ("preset", "choices")}


@pytest.mark.parametrize("name", shelf.names())
def test_a_preset_says_what_it_was_verified_on(name: str) -> None:
    preset = shelf.preset(name)
    assert preset.title
    assert preset.verified
    assert preset.source
    assert preset.shapes


@pytest.mark.parametrize("name", shelf.names())
def test_a_preset_has_three_files(name: str) -> None:
    assert len([file for file in FILES if file.parent.name == name]) >= 3


@pytest.mark.parametrize("name", shelf.names())
def test_a_preset_names_each_kind_of_row_that_it_skips(name: str) -> None:
    assert all(rule.when for rule in shelf.preset(name).rules if rule.skip), "a kind that comes later would be skipped"


def test_the_documents_list_every_preset_and_what_it_was_verified_on() -> None:
    lines = DOCUMENT.read_text("utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")]
    listed = {row[1].strip("`"): row[2] for row in rows if len(row) == 4 and row[1].startswith("`")}
    assert listed == {name: shelf.preset(name).verified for name in shelf.names()}


@pytest.mark.parametrize("name", ["mt5-deals", "mt5-positions", "mt4-statement", "ctrader", "ftmo"])
def test_reports_in_lots_know_the_same_sizes_of_lots(name: str) -> None:
    sizes = _sizes_of_lots(name)
    assert sizes == _sizes_of_lots("mt5-deals") != set()


def _sizes_of_lots(preset: str) -> set[object]:
    members = [value for rule in shelf.preset(preset).rules for output in rule.outputs for _, value in output.members]
    values = [*members, *(value.otherwise for value in members if value.otherwise is not None)]
    return {value.words for value in values if value.source == "size_of" and value.words}
