"""`metrics-sidecar backfill`: writes what the sidecar showed since the journal began, for promtool."""

import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from metrics_sidecar.backfill.past import SECOND_NS, Past
from metrics_sidecar.backfill.series import Recording
from service_kit.metrics.text import labelled
from telemetry_stream.errors import BackendUnavailable, StreamError
from telemetry_stream.log import Store, StreamReader
from trading_history.errors import HistoryError
from trading_model.accounting.state import TradingState

DAY_SECONDS = 86_400
"""Time of a file. promtool reads a file once for each block that it makes: one for all would take its square."""

PROMTOOL = "promtool tsdb create-blocks-from --max-block-duration=24h openmetrics"
"""With blocks of up to 18 hours: it makes them of two hours otherwise, and reads the file of a day twelve times."""

EPOCH = date(1970, 1, 1)

DISTANCE_SECONDS = 3 * 3_600
"""Minimum time from the last value to now: Prometheus keeps about that much in memory, where it takes no older ones."""


@dataclass(frozen=True)
class Wanted:
    """What the command line and the settings say."""

    folder: Path
    step_seconds: int
    since: date | None
    job: str
    instance: str
    max_positions: int
    base_currency: str


class Refused(Exception):
    """The backfill can't be done; the message says why."""


def backfill(store: Store, data_folder: Path, wanted: Wanted, now_ns: int | None = None) -> int:
    """Write the files and print what to do with them. Gives the exit code: 0, or 1 if it could not be done."""
    try:
        _require_empty(wanted.folder)
        journal = store.open_reader(data_folder)
    except BackendUnavailable as error:
        return _complain(f"can't read the journal in {data_folder}: {error}")
    except (Refused, OSError) as error:
        return _complain(str(error))
    try:
        files = 0
        for file in _write(journal, wanted, now_ns or time.time_ns()):
            files += 1
            print(f"  {file} {file.stat().st_size:,} bytes", flush=True)
    except (StreamError, HistoryError, OSError) as error:
        return _complain(str(error))
    finally:
        journal.close()
    if not files:
        print(f"nothing to write: the journal has no event older than {DISTANCE_SECONDS // 3_600} hours")
        return 0
    print(f"{files} files. To put them into a Prometheus whose data is in PROMETHEUS_DATA:")
    command = f"{PROMTOOL} {wanted.folder}/$day PROMETHEUS_DATA"
    print(f"  for day in $(ls {wanted.folder}); do {command}; done")
    return 0


def _require_empty(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise Refused(f"{folder} is not empty: name a new folder")


def _write(journal: StreamReader, wanted: Wanted, now_ns: int) -> Iterator[Path]:
    """The files, one for each day since the first event."""
    seconds = wanted.step_seconds
    end = (now_ns // SECOND_NS - DISTANCE_SECONDS) // seconds + 1
    labels = labelled({"job": wanted.job, "instance": wanted.instance})[1:-1]
    recording = Recording(seconds, labels)
    state = TradingState(wanted.max_positions, journal.stream, wanted.base_currency)
    first: int | None = None
    with (
        tempfile.TemporaryDirectory(prefix="backfill-", dir=wanted.folder.parent) as store_folder,
        Past(journal, state, Path(store_folder)) as past,
    ):
        since = 0 if wanted.since is None else (wanted.since - EPOCH).days * DAY_SECONDS
        for step in past.steps(seconds, end, -(-since // seconds)):
            while first is not None and step >= _next_day(first, seconds):
                yield _write_day(recording, wanted, first, _next_day(first, seconds))
                first = _next_day(first, seconds)
            first = step if first is None else first
            recording.note(step, past.pieces(step * seconds))
        while first is not None and first < end:
            last = min(_next_day(first, seconds), end)
            yield _write_day(recording, wanted, first, last)
            first = last


def _next_day(step: int, seconds: int) -> int:
    """The first step of the day after that of a step."""
    day = step * seconds // DAY_SECONDS + 1
    return -(-day * DAY_SECONDS // seconds)


def _write_day(recording: Recording, wanted: Wanted, first: int, end: int) -> Path:
    day = datetime.fromtimestamp(first * wanted.step_seconds, UTC).date()
    file = wanted.folder / f"{day}.om"
    with file.open("wb") as opened:
        opened.writelines(recording.text(first, end))
    return file


def _complain(message: str) -> int:
    print(f"metrics-sidecar backfill: {message}", file=sys.stderr)
    return 1
