"""A large file: the ledger is asked and figures are computed while the file is being read. Nothing else differs."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.ports import free_port
from tests.trading_app.client.test_import import HEADER, Desk
from tests.trading_app.running import RunningApp
from trading_app.imports import ahead, folding, plan, reading, spool
from trading_app.imports.fill_lines import fill_lines, one
from trading_app.imports.report import Order
from trading_app.imports.spool import Note, Spool
from trading_files.readings import FillRow

ROWS = 60
WITH_IDS = "trade_id," + HEADER


@pytest.fixture
def desk(web: RunningApp, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(web, tmp_path, capsys)


@pytest.fixture
def many_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of some rows are read in several steps."""
    monkeypatch.setattr("trading_files.interpret.TOGETHER", 10)
    monkeypatch.setattr(spool, "BLOCK", 10)
    monkeypatch.setattr(reading, "PROGRESS", 10)


def _rows(symbol: str, *, ids: bool) -> Iterator[str]:
    for row in range(ROWS):
        trade_id = f"{symbol}-{row}," if ids else ""
        side = "buy" if row % 3 else "sell"
        yield f"{trade_id}2025-02-10T14:00:{row:02d}Z,{symbol}/USDT,{side},{1 + row % 7},{60 + row}\n"


def _in_order(symbol: str) -> str:
    return WITH_IDS + "".join(_rows(symbol, ids=True))


def _newest_first(symbol: str) -> str:
    return WITH_IDS + "".join(reversed(list(_rows(symbol, ids=True))))


def _with_some_twice(symbol: str) -> str:
    rows = list(_rows(symbol, ids=True))
    return WITH_IDS + "".join([*rows, *rows[:15]])


def _equal_without_ids(symbol: str) -> str:
    rows = [row for row in _rows(symbol, ids=False) for _ in range(2)]
    return HEADER + "".join(rows)


def _report(desk: Desk, monkeypatch: pytest.MonkeyPatch, large: int, *arguments: object) -> dict[str, Any]:
    monkeypatch.setattr(ahead, "LARGE", large)
    code, report = desk.report(*arguments)
    assert code == 0
    return report


@pytest.mark.usefixtures("many_blocks")
@pytest.mark.parametrize("write", [_in_order, _newest_first, _with_some_twice, _equal_without_ids])
def test_the_report_of_a_large_file_is_that_of_a_small_one(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, write: Callable[[str], str]
) -> None:
    file = desk.file(write(write.__name__.replace("_", "")[:6].upper()))
    small = _report(desk, monkeypatch, 1_000, "--dry-run", file)
    assert _report(desk, monkeypatch, 10, "--dry-run", file) == small
    taken = _report(desk, monkeypatch, 10, "--yes", file)
    assert taken["result"]["accepted"] == small["compared"]["new"] == len(desk.stored())
    known = _report(desk, monkeypatch, 1_000, "--dry-run", file)
    assert known["state"] == "nothing_new"
    assert known["positions"] == small["positions"]
    assert _report(desk, monkeypatch, 10, "--dry-run", file) == known


@pytest.mark.usefixtures("many_blocks")
def test_figures_of_a_large_file_come_from_another_process(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = list[bool]()

    def fold_apart(*arguments: Any) -> Any:
        found = folding.fold_apart(*arguments)
        asked.append(found is not None)
        return found

    monkeypatch.setattr(ahead, "fold_apart", fold_apart)
    monkeypatch.setattr(plan, "_figures", None)
    report = _report(desk, monkeypatch, 10, "--dry-run", desk.file(_in_order("APART")))
    assert asked == [True]
    assert report["positions"][0]["fills"] == ROWS


@pytest.mark.usefixtures("many_blocks")
def test_a_large_file_with_an_error_does_not_wait_for_an_app(
    tmp_path: Path, web: RunningApp, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ahead, "LARGE", 10)
    desk = Desk(web, tmp_path, capsys)
    file = desk.file(_in_order("ERROR") + "x,2025-02-10T15:00:00Z,BTC/USDT,buy,nothing,1\n")
    code, said = desk.run("--yes", file, "--json", "--url", f"http://127.0.0.1:{free_port()}", "--max-wait", "100000")
    report = json.loads(said.splitlines()[0])
    assert (code, report["state"]) == (1, "refused")
    assert report["errors"][0]["place"] == ROWS + 2


def _spool(folder: Path, *, places: list[int]) -> Spool:
    made = Spool(folder / "rows.sqlite3")
    for place in places:
        members = {
            "symbol": "A/B",
            "side": "buy",
            "qty": "1",
            "price": str(place),
            "ts": f"2025-02-10T14:00:{place:02d}Z",
        }
        made.add(fill_lines(one(FillRow(place, {"trade_id": str(place), **members})), lambda _: None))
    made.complete()
    return made


def test_fills_that_are_not_in_order_are_folded_otherwise(tmp_path: Path) -> None:
    with _spool(tmp_path, places=[2, 1]) as rows:
        assert folding.fold_apart([], rows.blocks_as_they_come()) is None


@pytest.mark.parametrize("program", ["/bin/false", "/no/such/program"])
def test_a_process_that_ends_gives_no_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    monkeypatch.setattr("trading_app.imports.folding.sys.executable", program)
    with _spool(tmp_path, places=[1, 2]) as rows:
        assert folding.fold_apart([], rows.blocks_as_they_come()) is None


def test_modules_in_the_users_folder_are_not_those_of_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "decimal.py").write_text("raise SystemExit(3)")
    monkeypatch.chdir(tmp_path)
    with _spool(tmp_path, places=[1, 2]) as rows:
        figures = folding.fold_apart([], rows.blocks_as_they_come())
    assert figures is not None
    assert figures.positions[0].fills == 2


def test_a_row_that_is_twice_in_its_file_stays_so_whatever_the_ledger_has(tmp_path: Path) -> None:
    with _spool(tmp_path, places=[1, 2, 3]) as rows:
        rows.note([Note(2, "twice")])
        rows.note([Note(1, "known", 7), Note(2, "known", 7)])
        assert rows.counts() == {"twice": 1, "known": 1}
        assert len(list(rows.in_order("oldest_first"))) == 2


@pytest.mark.parametrize("order", ["oldest_first", "newest_first", "mixed"])
def test_rows_are_sorted_while_others_read_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, order: Order) -> None:
    monkeypatch.setattr(spool, "BLOCK", 2)
    with _spool(tmp_path, places=[1, 2, 3, 4, 5, 6]) as rows:
        read = rows.lines()
        assert next(read)[0] == 1
        assert len(list(rows.in_order(order))) == 6
        assert len(list(rows.in_order(order))) == 6
        assert [n for n, *_ in read] == [2, 3, 4, 5, 6]
