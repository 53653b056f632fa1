"""Whole files to readings."""

import gzip
import io
from collections.abc import Callable
from itertools import repeat
from pathlib import Path

import pytest

from trading_files.document import read_document
from trading_files.presets import shelf
from trading_files.reading.read import read
from trading_files.reading.tables import Document, Row, Rows, Table
from trading_files.readings import BadRow, Choices, FillRow, Question, Reading

FIELD_CASES = Path(__file__).parents[1] / "field_cases/data"


def readings(file: str, choices: Choices) -> list[Reading]:
    with (FIELD_CASES / file).open("rb") as source:
        return list(read_document(read(source, headers=shelf.headers()), shelf.outlines(), choices))


def test_a_question_of_a_table_for_which_another_may_stand_is_asked() -> None:
    found = readings("17-mt5-report-lots.csv", Choices())
    assert [reading.option for reading in found if isinstance(reading, Question)] == ["--timezone"]
    answered = readings("17-mt5-report-lots.csv", Choices(timezone="UTC"))
    assert sum(isinstance(reading, FillRow) for reading in answered) == 4


def test_a_table_without_end_that_no_preset_knows_is_asked_about() -> None:
    endless = Table("", ("a", "b"), Rows(repeat(Row(2, {"a": "1", "b": "2"}))))
    found = list(read_document(Document("csv", iter([endless])), shelf.outlines(), Choices()))
    assert [one.code for one in found if isinstance(one, Question)] == ["source"]


WHOLE = (
    b"ts,symbol,side,qty,price,fee\n"
    b"2026-01-05T02:00:00Z,AAPL,buy,10,150.25,1\n"
    b"2026-01-05T03:00:00Z,AAPL,sell,10,151.5,1"
)


def bad_rows(content: bytes) -> list[int]:
    found = read_document(read(io.BytesIO(content), headers=shelf.headers()), shelf.outlines(), Choices())
    return [one.place for one in found if isinstance(one, BadRow)]


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_a_row_in_which_the_file_ends_is_refused(pack: Callable[[bytes], bytes]) -> None:
    assert bad_rows(pack(WHOLE)) == [], "a last line needs no end"
    assert bad_rows(pack(WHOLE.removesuffix(b".5,1"))) == [3], "151 is not the price"
    assert bad_rows(pack(WHOLE.removesuffix(b".5,1") + b"\n")) == [], "its end says that the row is whole"
    assert bad_rows(pack(WHOLE + b"\n\nTotal,2")) == [], "no fill"
