"""An import whose process is killed, or whose app is: run again, it takes the rest, and nothing twice."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.apps import BIN
from tests.support.ports import free_port
from tests.trading_app.client.test_import import HEADER, Desk
from tests.trading_app.running import running

ROWS = 400
KILLED = """
import os, signal, sys
from trading_app.client import app_ledger
from trading_app.imports import taking

taking.BATCH = 50
post, sent = app_ledger.AppLedger.post, 0

def post_and_die(self, path, body, content_type):
    global sent
    answer = post(self, path, body, content_type)
    sent += path.startswith("/trades")
    if sent == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return answer

app_ledger.AppLedger.post = post_and_die
from trading_app.main import main
sys.exit(main())
"""


def test_ctrl_c_ends_an_import_that_waits_for_the_app(tmp_path: Path) -> None:
    file = tmp_path / "fills.csv"
    file.write_text(HEADER + "2025-02-10T14:00:00Z,BTC/USDT,buy,1,600\n")
    command = [str(BIN / "trading-app"), "import", "--yes", str(file), "--url", f"http://127.0.0.1:{free_port()}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as waiting:
        assert waiting.stderr is not None
        assert "retrying" in waiting.stderr.readline()
        waiting.send_signal(signal.SIGINT)
        _, said = waiting.communicate(timeout=60)
    assert waiting.returncode == 130
    assert said.endswith("interrupted; run the same command again to take the rest\n")


def test_an_app_with_small_batches_gets_small_ones(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with running(tmp_path, WEBAPP_MAX_BATCH_TRADES="100") as app:
        desk = Desk(app, tmp_path, capsys)
        rows = "".join(f"2025-02-10T14:{row // 60:02d}:{row % 60:02d}Z,BTC/USDT,buy,1,600\n" for row in range(ROWS))
        code, report = desk.report("--yes", desk.file(HEADER + rows))
        assert (code, report["result"]["accepted"]) == (0, ROWS)
        code, report = desk.report("--yes", desk.file(HEADER + rows))
        assert (code, report["compared"]["known"]) == (0, ROWS)


def test_a_killed_import_is_continued(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with running(tmp_path) as app:
        desk = Desk(app, tmp_path, capsys)
        rows = (
            f"2025-02-10T14:{row // 60:02d}:{row % 60:02d}Z,BTC/USDT,buy,1,{600 + row % 7}\n" for row in range(ROWS)
        )
        file = desk.file(HEADER + "".join(rows))
        command = [
            sys.executable,
            "-c",
            KILLED,
            "import",
            "--yes",
            str(file),
            "--account",
            desk.account,
            "--url",
            app.url,
        ]
        killed = subprocess.run(command, env={**os.environ, **app.environment}, capture_output=True, check=False)
        assert killed.returncode == -signal.SIGKILL
        before = desk.stored(corrected=False)
        assert 150 <= len(before) < ROWS, "some of it was taken"
        code, report = desk.report("--yes", file)
        assert (code, report["compared"]["known"], report["result"]["accepted"]) == (0, len(before), ROWS - len(before))
        stored = desk.stored(corrected=False)
        assert len(stored) == ROWS
        assert {fill["import_id"] for fill in stored} == {report["import_id"]}, "one import, taken back as a whole"
        assert len(app.client.get("/imports").json()["imports"]) == 1
