"""CHANGELOG.md keeps its form: Keep a Changelog, with the version of the packages as the newest."""

import re
import tomllib
from datetime import date
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LINES = (ROOT / "CHANGELOG.md").read_text().splitlines()
VERSION = re.compile(r"## \[(\d+)\.(\d+)\.(\d+)\] - (\d{4}-\d\d-\d\d)")


def released() -> list[tuple[str, date]]:
    """Versions and their dates, as listed."""
    found = [match for match in map(VERSION.fullmatch, LINES) if match]
    return [(".".join(match.group(1, 2, 3)), date.fromisoformat(match[4])) for match in found]


def test_versions_follow_each_other_behind_what_is_unreleased() -> None:
    headings = [line for line in LINES if line.startswith("## ")]
    assert headings[0] == "## [Unreleased]"
    assert [line for line in headings[1:] if not VERSION.fullmatch(line)] == []
    versions = [(tuple(map(int, version.split("."))), when) for version, when in released()]
    assert all(newer > older and later >= earlier for (newer, later), (older, earlier) in pairwise(versions))


def test_each_section_has_one_of_the_known_headings_once_and_entries() -> None:
    sections = "\n".join(LINES).split("\n## ")[1:]
    for section in sections:
        headings = re.findall(r"^### (.+)$", section, re.MULTILINE)
        known = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"]
        assert headings == [heading for heading in known if heading in headings], section.splitlines()[0]
        assert not re.search(r"^### .+\n+(?!- )", section, re.MULTILINE), "a heading without entries"


def test_every_package_has_the_newest_version() -> None:
    files = [ROOT / "pyproject.toml", *ROOT.glob("*/pyproject.toml"), *ROOT.glob("libs/*/pyproject.toml")]
    versions = {tomllib.loads(file.read_text())["project"]["version"] for file in files}
    assert versions == {released()[0][0]}
