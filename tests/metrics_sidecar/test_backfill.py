"""`metrics-sidecar backfill`: its values are those of the ledger as it was at each time."""

import re
import subprocess
from collections import defaultdict
from collections.abc import Iterable
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from metrics_sidecar.backfill.command import Wanted, backfill
from metrics_sidecar.backfill.past import Past
from metrics_sidecar.backfill.series import Recording
from telemetry_stream.backend import store_of
from tests.support import ledger_oracle
from tests.support.apps import BIN
from tests.support.ledger_builder import LedgerBuilder
from tests.support.ledger_figures import differences
from tests.support.random_ledger import random_ledger
from tests.support.sidecar_figures import figures_of_fold
from tests.support.stored_ledger import store_at
from trading_model.accounting import window
from trading_model.accounting.state import TradingState

SECOND = 10**9
MIDNIGHT = 1_767_571_200
"""2026-01-05, Unix time."""

Samples = dict[str, dict[int, str]]


def times(first: float, count: int, gap: float) -> Iterable[int]:
    return (int((first + number * gap) * SECOND) for number in range(count))


def read(files: Iterable[Path]) -> Samples:
    """The samples by series and Unix time; AssertionError for text that is no OpenMetrics."""
    found: Samples = defaultdict(dict)
    for file in files:
        text = file.read_text()
        assert list(text_string_to_metric_families(text))  # type: ignore[no-untyped-call]
        for line in text.splitlines():
            if not line.startswith("#"):
                sample = re.fullmatch(r"(.+) (\S+) (\d+)", line)
                assert sample is not None, line
                series, value, at = sample.groups()
                assert int(at) not in found[series]
                found[series][int(at)] = value
    return found


def test_the_state_at_each_time_is_that_of_the_events_until_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With voids, replaces, late fills, splits and instruments, of which most are older than what is in memory."""
    monkeypatch.setattr(window, "MAX_EVENTS", 30)
    events = store_at(random_ledger(7, 80), tmp_path / "data", times(MIDNIGHT, 80, 45))
    (tmp_path / "fills").mkdir()
    state = TradingState(10_000)
    with (
        closing(store_of().open_reader(tmp_path / "data")) as journal,
        Past(journal, state, tmp_path / "fills") as past,
    ):
        for step in past.steps(600, end=2**62):
            until = min((600 * step - MIDNIGHT) // 45 + 1, 80)
            assert state.applied == until
            assert not differences(ledger_oracle.figures(events[:until]), figures_of_fold(state))
        assert state.applied == 80


def fills(folder: Path, first: float, gap: float, count: int = 6) -> None:
    """Purchases of 1, whose number is the number of fills."""
    ledger = LedgerBuilder()
    for number in range(count):
        ledger.buy("1", str(100 + number), account='a "quoted" one')
    store_at(ledger.events, folder, times(first, count, gap))


def wanted(folder: Path, since: date | None = None) -> Wanted:
    return Wanted(folder, 60, since, "metrics-sidecar", "127.0.0.1:8001", 1_000, "USDT")


def test_files_of_days_have_each_series_at_each_step(tmp_path: Path) -> None:
    first = MIDNIGHT + 86_400 - 150  # so that three are before midnight, and one at it
    fills(tmp_path / "data", first, 50)
    end = MIDNIGHT + 86_400 + 300
    assert backfill(store_of(), tmp_path / "data", wanted(tmp_path / "out"), (end + 3 * 3_600 + 59) * SECOND) == 0
    files = sorted((tmp_path / "out").iterdir())
    assert [file.name for file in files] == ["2026-01-05.om", "2026-01-06.om"]
    samples = read(files)
    start = -(-first // 60) * 60
    steps = range(start, end + 1, 60)
    position = next(series for series in samples if series.startswith("trading_position{"))
    assert position == (
        'trading_position{account="a \\"quoted\\" one",strategy="default",symbol="BTC/USDT"'
        ',job="metrics-sidecar",instance="127.0.0.1:8001"}'
    )
    assert samples[position] == {
        at: str(len([number for number in range(6) if first + 50 * number <= at])) for at in steps
    }
    assert {tuple(values) for values in samples.values()} >= {tuple(steps)}
    assert "trading_stream_applied_sequence" in "".join(samples)
    assert "trading_base_currency_pnl" in "".join(samples)


def test_days_before_the_first_one_asked_for_are_not_written(tmp_path: Path) -> None:
    """Their events are in its values from the start."""
    fills(tmp_path / "data", MIDNIGHT - 100, 70)
    now = (MIDNIGHT + 200 + 3 * 3_600) * SECOND
    assert backfill(store_of(), tmp_path / "data", wanted(tmp_path / "out", date(2026, 1, 5)), now) == 0
    samples = read((tmp_path / "out").iterdir())
    position = next(values for series, values in samples.items() if series.startswith("trading_position{"))
    assert position == {MIDNIGHT: "2", MIDNIGHT + 60: "3", MIDNIGHT + 120: "4", MIDNIGHT + 180: "5"}


def test_a_series_that_disappears_ends() -> None:
    recording = Recording(10, 'job="x"')
    header = b"# TYPE some gauge\n"
    recording.note(1, [(header, b"some 1\n"), (header, b'some{a="b"} 1\n')])
    recording.note(3, [(header, b"some 2\n")])
    recording.note(4, [(header, b"some 2\n"), (header, b'some{a="b"} 3\n')])
    assert b"".join(recording.text(1, 5)).decode() == (
        '# TYPE some gauge\nsome{job="x"} 1 10\nsome{job="x"} 1 20\nsome{job="x"} 2 30\nsome{job="x"} 2 40\n'
        'some{a="b",job="x"} 1 10\nsome{a="b",job="x"} 1 20\nsome{a="b",job="x"} 3 40\n# EOF\n'
    )
    assert b"".join(recording.text(5, 6)).decode() == (
        '# TYPE some gauge\nsome{job="x"} 2 50\nsome{a="b",job="x"} 3 50\n# EOF\n'
    )


def test_what_is_too_recent_is_left_to_scrapes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fills(tmp_path / "data", MIDNIGHT, 10)
    assert backfill(store_of(), tmp_path / "data", wanted(tmp_path / "out"), (MIDNIGHT + 3_600) * SECOND) == 0
    assert capsys.readouterr().out == "nothing to write: the journal has no event older than 3 hours\n"


def test_refusals(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a folder that is used, a journal that is missing."""
    assert backfill(store_of(), tmp_path / "data", wanted(tmp_path / "out")) == 1
    assert "can't read the journal" in capsys.readouterr().err
    (tmp_path / "out" / "file").touch()
    assert backfill(store_of(), tmp_path / "data", wanted(tmp_path / "out")) == 1
    assert "is not empty: name a new folder" in capsys.readouterr().err


def test_a_step_that_prometheus_would_take_for_an_end_is_refused(tmp_path: Path) -> None:
    command = [str(BIN / "metrics-sidecar"), "backfill", str(tmp_path / "out"), "--step", "300"]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (ended.returncode, "from 5 to 240 is needed" in ended.stderr) == (2, True)
