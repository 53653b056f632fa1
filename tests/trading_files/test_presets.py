"""Every preset reads the files of its folder as the fixtures beside them say."""

from pathlib import Path

import pytest

from tests.support.file_readings import ENDING, as_fixture, choices_of, expected_of, readings_of
from trading_files.presets import shelf

FOLDER = Path(__file__).parent / "presets"
FILES = sorted(file for file in FOLDER.glob("*/*") if not file.name.endswith(ENDING))


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_file_says_what_its_fixture_says(path: Path) -> None:
    expected = expected_of(path)
    found = as_fixture(readings_of(path, choices_of(expected)))
    assert path.parent.name in found["presets"]
    assert found == {name: value for name, value in expected.items() if name != "choices"}


@pytest.mark.parametrize("name", shelf.names())
def test_a_preset_says_what_it_was_verified_on(name: str) -> None:
    preset = shelf.preset(name)
    assert preset.title
    assert preset.verified
    assert preset.source
    assert preset.shapes
