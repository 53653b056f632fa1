"""The tables of docs/instruments.md are those of the code."""

import re
from pathlib import Path

from trading_model.contents import Instrument
from trading_model.futures import ROOTS
from trading_model.instruments import TERMS
from trading_model.shipped_instruments import LISTINGS

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "instruments.md").read_text()


def test_every_root_is_in_the_document() -> None:
    """In the order of the data."""
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| ([^|]+) \| (\w+) \| ([\d.]+) \|$", DOCUMENT, re.MULTILINE)
    assert rows == [
        (each.root, each.exchange, each.name, each.currency, str(each.point_value)) for each in ROOTS.values()
    ]


def test_every_listing_is_in_the_document() -> None:
    """Each ending behind its currency."""
    listed = {
        ending: currency
        for currency, endings in re.findall(r"([A-Z]{3}): ((?:`\.[A-Z]+`(?:, )?)+)", DOCUMENT)
        for ending in re.findall(r"`\.([A-Z]+)`", endings)
    }
    assert listed == LISTINGS


def test_every_term_is_in_the_document() -> None:
    """Each member of an instrument that says something."""
    rows = re.findall(r"^\| `(\w+)` \| [^|]+ \| [^|]+ \|$", DOCUMENT, re.MULTILINE)
    assert set(rows) == {*TERMS, "aliases"}
    assert {*TERMS, "aliases", "symbol", "pattern"} == set(Instrument.__struct_fields__)
