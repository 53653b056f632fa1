import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.ports import free_port
from tests.trading_app.client import files
from tests.trading_app.client.command import run_send
from tests.trading_app.client.fake_app import Answer, FakeApp

LINES = [
    f'{{"trade_id":"t{n}", "symbol":"XRP/ETH","price":0.00{n}0,"qty":"{n}.10","side":"buy"}}'.encode()
    for n in range(1, 8)
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "trades.ndjson"
    path.write_bytes(b"\n".join(LINES))
    return path


def command(app: FakeApp, *arguments: object) -> list[str]:
    """The command as a process of its own, as a terminal starts one: a background job, which a whole test run may be,
    would have Ctrl-C ignored.
    """
    program = (
        "import signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from tests.trading_app.client.command import run_send\n"
        "sys.exit(run_send(*sys.argv[1:]))\n"
    )
    return [sys.executable, "-c", program, *map(str, arguments), "--url", app.url]


def test_lines_arrive_untouched_in_batches(app: FakeApp, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_send(file, "--url", app.url, "--batch", 3) == 0
    assert [request.lines for request in app.requests] == [LINES[:3], LINES[3:6], LINES[6:]]
    assert capsys.readouterr().out.startswith("sent 7, accepted 7, duplicates 0, seq 1 to 7, ")


def test_sent_again_all_are_duplicates(app: FakeApp, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_send(file, "--url", app.url) == run_send(file, "--url", app.url) == 0
    assert "sent 7, accepted 0, duplicates 7, seq 1 to 7" in capsys.readouterr().out


@pytest.mark.parametrize("write", [files.as_ndjson, files.as_json, files.as_csv])
def test_trades_without_an_id_are_known_again_in_any_format(
    app: FakeApp, tmp_path: Path, write: Callable[[list[files.Content]], bytes]
) -> None:
    trade = {"symbol": "XRP/ETH", "price": "0.10", "qty": "1.00", "side": "buy"}
    (tmp_path / "first").write_bytes(files.as_ndjson([trade, trade]))
    (tmp_path / "second").write_bytes(files.zipped(write([trade, trade, trade])))
    assert run_send(tmp_path / "first", "--url", app.url) == 0
    assert run_send(tmp_path / "second", "--url", app.url) == 0
    assert len(app.trades) == 3


def test_account_and_strategy_are_filled_in(app: FakeApp, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(
        b'{"trade_id":"a","price":1.10,"account":"own"}\n{"trade_id":"b","price":1.10,"account":null}\n'
    )
    assert run_send(tmp_path / "f", "--url", app.url, "--account", "mine", "--strategy", "s") == 0
    assert app.requests[0].lines == [
        b'{"trade_id":"a","price":1.10,"account":"own","strategy":"s"}',
        b'{"trade_id":"b","price":1.10,"account":"mine","strategy":"s"}',
    ]


def test_trouble_and_a_lost_answer_change_nothing(app: FakeApp, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    app.answers.extend([Answer(503, stores=False, headers={"retry-after": "0"}), Answer(), Answer(cut=True)])
    assert run_send(file, "--url", app.url, "--batch", 4) == 0
    assert [request.lines for request in app.requests] == [LINES[:4], LINES[:4], LINES[4:], LINES[4:]]
    assert len(app.trades) == 7
    said = capsys.readouterr()
    assert said.out.startswith("sent 7, accepted 4, duplicates 3, seq 1 to 7, 2 attempts repeated, ")
    assert "the app answers 503" in said.err


def test_a_refusal_names_lines_and_fields(app: FakeApp, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    errors = (
        b'[{"index":0,"pointer":"#/0/price","detail":"must be more than 0"},{"index":2,"pointer":"#/2","detail":"x"}]'
    )
    body = b'{"status":422,"detail":"2 are not valid","errors":' + errors + b"}"
    app.answers.extend([Answer(), Answer(422, stores=False, body=body)])
    assert run_send(file, "--url", app.url, "--batch", 3) == 1
    said = capsys.readouterr()
    assert "sent 3, accepted 3" in said.out
    assert "(422): 2 are not valid\nnothing of line 4 to line 6 was written\n" in said.err
    assert "  line 4: price must be more than 0\n  line 6: x\n" in said.err
    assert "everything up to line 3 is in the app; it is safe to send the whole file again" in said.err


def test_a_line_that_is_no_trade_ends_it_after_the_batches_before(
    app: FakeApp, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_bytes(b"\n".join([*LINES, b"oops"]))
    assert run_send(file, "--url", app.url, "--batch", 3) == 2
    said = capsys.readouterr().err
    assert "trades.ndjson: line 8 is not a JSON object" in said
    assert "everything up to line 6 is in the app" in said
    assert len(app.trades) == 6


def test_a_file_without_trades_is_an_error(app: FakeApp, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_bytes(b"")
    assert run_send(file, "--url", app.url) == 2
    assert capsys.readouterr().err.endswith("trades.ndjson: there are no trades in it\n")
    assert app.requests == []


def test_it_gives_up_after_max_wait(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_send(file, "--url", f"http://127.0.0.1:{free_port()}", "--max-wait", 0.01) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert "gave up after 0.01 s: no answer from http://127.0.0.1:" in said.err


@pytest.mark.parametrize("arguments", [["--batch", "0"], ["--rate", "nan"], ["--max-wait", "-1"], ["--format", "xml"]])
def test_a_wrong_argument_is_refused(file: Path, arguments: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        run_send(file, *arguments)


def test_standard_input_is_read_as_it_comes(app: FakeApp) -> None:
    done = subprocess.run(command(app, "-"), input=files.zipped(b"\n".join(LINES)), capture_output=True, check=True)
    assert app.requests[0].lines == LINES
    assert done.stdout.startswith(b"sent 7, accepted 7")


def test_ctrl_c_ends_it_cleanly_and_says_how_far_it_came(app: FakeApp, file: Path) -> None:
    app.answers.extend([Answer(), Answer(503, stores=False, headers={"retry-after": "600"})])
    with subprocess.Popen(command(app, file, "--batch", 2), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        assert b"retrying" in process.stderr.readline()  # from here on it waits
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out.startswith(b"sent 2, accepted 2")
    assert b"everything up to line 2 is in the app; it is safe" in err
    assert b"Traceback" not in err
