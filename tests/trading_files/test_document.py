"""Whole files to readings."""

from itertools import repeat
from pathlib import Path

from trading_files.document import read_document
from trading_files.presets import shelf
from trading_files.reading.read import read
from trading_files.reading.tables import Document, Row, Rows, Table
from trading_files.readings import Choices, FillRow, Question, Reading

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
