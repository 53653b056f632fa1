"""What a file says by the presets, in the form of the fixtures of docs/adding-a-preset.md.

`python -m tests.support.file_readings FILE…` prints it, to be checked by eye and kept beside the file.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from trading_files.document import read_document
from trading_files.mapping.model import Mapping
from trading_files.presets.shelf import headers, outlines, preset
from trading_files.reading.read import read
from trading_files.readings import BadRow, Choices, EventRow, FillRow, Question, Reading, Recognised, SkippedRow
from trading_files.readings import Warning as Said

ENDING = ".expected.json"


def readings_of(path: Path, choices: Choices | None = None, mapping: Mapping | None = None) -> Iterator[Reading]:
    """The readings of a file, by a mapping or by the presets that its tables are recognised as."""
    with path.open("rb") as source:
        document = read(source, path.name, headers=headers())
        yield from read_document(document, (mapping,) if mapping is not None else outlines(), choices)


def as_fixture(readings: Iterator[Reading]) -> dict[str, Any]:
    """Readings as a fixture holds them."""
    found: dict[str, Any] = {}
    for one in readings:
        match one:
            case Recognised(_, name, _):
                found.setdefault("presets", []).append(name)
            case FillRow(place, members):
                found.setdefault("fills", []).append({"place": place} | members)
            case EventRow(place, kind, members):
                found.setdefault("events", []).append({"place": place, "kind": kind} | members)
            case SkippedRow(place, reason):
                found.setdefault("skipped", {}).setdefault(reason, []).append(place)
            case BadRow(place, column, message):
                found.setdefault("bad", []).append({"place": place, "column": column, "message": message})
            case Question(code, _, option):
                found.setdefault("questions", []).append({"code": code, "option": option})
            case Said(code, _, places, count):
                found.setdefault("warnings", {})[code] = {"count": count, "places": list(places)}
    return found


def expected_of(path: Path) -> dict[str, Any]:
    """The fixture of a file: what it should say, and by which choices."""
    expected: dict[str, Any] = json.loads(path.with_name(path.name + ENDING).read_text("utf-8"))
    return expected


def choices_of(expected: dict[str, Any]) -> Choices:
    """The choices that a fixture names."""
    return msgspec.convert(expected.get("choices", {}), Choices)


def mapping_of(expected: dict[str, Any]) -> Mapping | None:
    """The preset that a fixture names as the user's choice."""
    return preset(expected["preset"]) if "preset" in expected else None


def _lines(found: dict[str, Any]) -> str:
    """JSON with one line for each fill and event."""
    parts = []
    for name, value in found.items():
        text = json.dumps(value, ensure_ascii=False)
        if isinstance(value, list):
            text = "[\n    " + ",\n    ".join(json.dumps(one, ensure_ascii=False) for one in value) + "\n  ]"
        parts.append(f'  "{name}": {text}')
    return "{\n" + ",\n".join(parts) + "\n}\n"


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        file = Path(argument)
        kept = file.with_name(file.name + ENDING)
        before = json.loads(kept.read_text("utf-8")) if kept.exists() else {}
        said = {name: before[name] for name in ("preset", "choices") if name in before}
        print(_lines(said | as_fixture(readings_of(file, choices_of(said), mapping_of(said)))), end="")
