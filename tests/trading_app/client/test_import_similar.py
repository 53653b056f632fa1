"""Fills that a bot has posted already are recognised in a file under other ids: asked about, never silent."""

import time
from pathlib import Path

import pytest

from telemetry_stream.events import StreamPosition
from telemetry_stream.stores.sqlite.reader import JournalReader
from tests.trading_app.client.test_import import HEADER, Desk
from tests.trading_app.running import running
from trading_app.imports.similar import similar
from trading_app.intake.decode_batch import read_columns
from trading_app.intake.event import TradeIds
from trading_history.writer import HistoryWriter

ROWS = HEADER + "2025-02-10T14:30:00Z,BTC/USDT,buy,1.0,600\n2025-02-10T14:30:02Z,BTC/USDT,buy,1,600\n"


def test_probably_known_fills_are_asked_about(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with running(tmp_path) as app:
        desk = Desk(app, tmp_path, capsys)
        bot = {"symbol": "btc/usdt", "side": "buy", "qty": 1, "price": "600.0", "ts": "2025-02-10T14:30:00.800Z"}
        app.client.post("/trade", json={**bot, "account": desk.account, "trade_id": "bot-1"}).raise_for_status()
        code, text = desk.run("--dry-run", desk.file(ROWS))
        assert (code, "were not looked for" in text) == (0, True), "there is no history yet"
        _write_history(app.data_folder)
        code, report = desk.report("--yes", desk.file(ROWS))
        assert (code, report["compared"]["probably_known"], report["compared"]["new"]) == (3, 1, 1)
        assert report["compared"]["similar"] == [{"place": 2, "seq": 1}]
        assert report["questions"][0]["option"] == "--probably-known"
        code, report = desk.report("--yes", "--probably-known", "skip", desk.file(ROWS))
        assert (code, report["result"]["accepted"]) == (0, 1)
        code, report = desk.report("--yes", "--probably-known", "take", desk.file(ROWS))
        assert (code, report["result"]["accepted"]) == (0, 1)
        assert len(desk.stored()) == 3
        _write_history(app.data_folder)
        code, report = desk.report("--yes", desk.file(ROWS + ROWS.splitlines()[-1]))
        assert (code, report["result"]["accepted"]) == (0, 1), (
            "a further equal row is a new fill: the stored ones are known"
        )


def test_rows_are_read_only_where_the_store_has_their_account_and_symbol(tmp_path: Path) -> None:
    fill = b'{"trade_id":"%b","symbol":"%b","price":"1.0","qty":"2","side":"buy","ts":"2025-02-10T14:30:00Z"}'
    with running(tmp_path) as app:
        app.client.post(
            "/trade", content=fill % (b"bot-1", b"BTC/USDT"), headers={"Content-Type": "application/json"}
        ).raise_for_status()
        _write_history(app.data_folder)
        rows = [fill % (b"1", b"ETH/USDT"), fill % (b"2", b"btc/usdt"), fill % (b"3", b"BTC/USDT")]
        columns = read_columns(b"\n".join(rows), True, time.time_ns(), TradeIds(), 3)
        assert columns is not None
        assert similar(app.data_folder, columns, {2: -5}) == (1, [(1, 1)], [])
        assert list(columns.asked) == [1]
        assert similar(app.data_folder, list(columns), {2: -5}) == (1, [(1, 1)], []), "the same, decoded one by one"


def test_fills_under_another_form_of_their_symbol_are_asked_about(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An exchange that names its pairs otherwise in a later export of the same trades; its ids are the same."""
    header = "trade_id," + HEADER
    old = header + "T1,2017-12-01T10:00:00.1234Z,XXBTZEUR,buy,0.1,9000.1\n"
    new = old.replace("XXBTZEUR", "XBT/EUR") + "T2,2026-01-01T10:00:00Z,XBT/EUR,sell,0.1,70000\n"
    with running(tmp_path) as app:
        desk = Desk(app, tmp_path, capsys)
        assert desk.report("--yes", desk.file(old))[0] == 0
        _write_history(app.data_folder)
        code, report = desk.report("--yes", desk.file(new))
        assert (code, report["compared"]["similar"]) == (3, [{"place": 2, "seq": 2}])
        (warning,) = (one for one in report["warnings"] if one["code"] == "other_form")
        assert "`trading-app event instrument symbol=XXBTZEUR aliases=XBT/EUR`" in warning["text"]
        code, report = desk.report("--yes", "--probably-known", "skip", desk.file(new))
        assert (code, report["result"]["accepted"]) == (0, 1)
        instrument = {"kind": "instrument", "symbol": "XXBTZEUR", "aliases": ["XBT/EUR"]}
        app.client.post("/events", json=instrument).raise_for_status()
        _, report = desk.report("--dry-run", "--probably-known", "skip", desk.file(new))
        assert not [one for one in report["warnings"] if one["code"] == "other_form"]


def _write_history(folder: Path) -> None:
    """What trading-analytics would have written by now."""
    for file in folder.glob("history.sqlite3*"):
        file.unlink()
    reader, writer = JournalReader(folder), HistoryWriter(folder)
    try:
        batch = reader.read(0, 1_000)
        writer.apply(batch)
        writer.commit(StreamPosition(reader.stream, batch.last))
    finally:
        reader.close()
        writer.close()
