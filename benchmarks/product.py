"""The product as its users run it: both console scripts, durable, with a token; and its totals, to compare."""

import json
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks import trades
from benchmarks.http_client import Connection
from benchmarks.paced import Paced
from benchmarks.processes import ENVIRONMENT, ROOT, pinned
from benchmarks.wrk import FIRST, Load, new_run, run_wrk
from tests.support.apps import BIN, Apps

_APPLIED = re.compile(rb"^trading_stream_applied_sequence\{[^}]*\} (\d+)$", re.MULTILINE)
_IN_METRICS = re.compile(rb"^trading_trades_total\{[^}]*\} (\d+)$", re.MULTILINE)
_HEAD = re.compile(rb"^trading_app_stream_head_sequence\{[^}]*\} (\S+)$", re.MULTILINE)
NAMES = ("trading-app", "metrics-sidecar")
READY_SECONDS = 300
UNDER_WAY = 8
"""Requests of a run's end that are searched for missing answers, as a multiple of the connections. A value that is too
low would show as totals that differ.
"""


@dataclass(frozen=True, slots=True)
class Totals:
    """Trades sent by the load, in the journal, and in the metrics."""

    sent: int
    journaled: int
    shown: int


class Product:
    """A web app and a sidecar, each on its core, with a folder of their own.

    `sent` and `other_events` count what was sent: trades, and events of other kinds.
    """

    def __init__(self, folder: Path, web_core: int, sidecar_core: int, **settings: str) -> None:
        self.token = secrets.token_hex(16)
        self.sent = 0
        self.other_events = 0
        tokens = {"WEBAPP_API_TOKENS": self.token, "SIDECAR_API_TOKENS": self.token}
        self.apps = Apps(folder, LOG_LEVEL="WARNING", **tokens, **settings)
        self.apps.environment.pop("PYTHONDONTWRITEBYTECODE", None)
        self._cores = dict(zip(NAMES, (web_core, sidecar_core), strict=True))
        self.web_port, self.sidecar_port = self.apps.web_port, self.apps.sidecar_port

    def start(self, name: str, command: Sequence[str | Path] = ()) -> float:
        """Start one of the two, by another command if one is given; seconds from there until it is ready."""
        port = self.web_port if name == "trading-app" else self.sidecar_port
        began = time.perf_counter()
        self.apps.start(name, pinned(self._cores[name], command or [BIN / name]))
        while not self._is_ready(port):
            assert self.apps.processes[name].poll() is None, self.apps.log(name).read_text()[-2_000:]
            assert time.perf_counter() - began < READY_SECONDS, f"{name} is not ready"
            time.sleep(0.001)
        return time.perf_counter() - began

    def pid(self, name: str) -> int:
        """The id of the process that runs a program."""
        return self.apps.processes[name].pid

    def web(self) -> Connection:
        """A connection to the web app."""
        return Connection(self.web_port, self.token)

    def sidecar(self) -> Connection:
        """A connection to the sidecar."""
        return Connection(self.sidecar_port, self.token)

    def singles(self, connections: int, seconds: float, think_ms: int = 0) -> Load:
        """POST /trade by wrk."""
        run = new_run()
        arguments = (run, "/trade", self.token, str(think_ms))
        load = self._run_wrk("post_trade.lua", connections, seconds, arguments)
        lines = b"\n".join(trades.single(run, count) for count in _perhaps_cut_off(load, connections))
        self._send_again([lines], trades.NDJSON)
        self.sent += load.sent
        return load

    def batches(self, templates: list[bytes], content_type: str, seconds: float, connections: int = 4) -> Load:
        """POST /trades by wrk; the load counts requests."""
        run = new_run()
        files = [self.apps.folder / f"template-{index}" for index in range(len(templates))]
        for file, template in zip(files, templates, strict=True):
            file.write_bytes(template)
        arguments: list[str | Path] = [run, self.token, content_type, *files]
        load = self._run_wrk("post_batch.lua", connections, seconds, arguments)
        cut_off = _perhaps_cut_off(load, connections)
        self._send_again([trades.batch(templates, run, count) for count in cut_off], content_type)
        self.sent += load.sent * templates[0].count(trades.MARK)
        return load

    def start_pacing(self, rate: float, seconds: float) -> "subprocess.Popen[bytes]":
        """POST /trade at a steady rate, by a process of its own beside the load."""
        command = [sys.executable, "-m", "benchmarks.paced", str(self.web_port), new_run(), str(rate), str(seconds)]
        environment = ENVIRONMENT | {"BENCH_TOKEN": self.token}
        return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE)

    def finish_pacing(self, process: "subprocess.Popen[bytes]") -> Paced:
        """Wait for its end; what it saw."""
        printed, _ = process.communicate()
        assert process.returncode == 0, "the paced load failed, see above"
        paced = Paced(**json.loads(printed))
        self.sent += paced.sent
        return paced

    def post(self, lines: bytes, count: int) -> None:
        """POST /trades with that many new trades, as NDJSON."""
        with self.web() as connection:
            answer = connection.post("/trades", lines, trades.NDJSON)
        assert answer.status == 201, answer
        self.sent += count

    def head(self) -> int:
        """The last durable sequence, as the web app says."""
        with self.web() as connection:
            found = _HEAD.search(connection.get("/metrics").body)
        assert found is not None
        return int(float(found[1]))

    def seconds_until_applied(self, sequence: int, maximum: float = 120) -> float:
        """Wait until the metrics show it."""
        began = time.perf_counter()
        with self.sidecar() as connection:
            while shown_sequence(connection.get("/metrics").body) < sequence:
                assert time.perf_counter() - began < maximum, f"{sequence} was not applied within {maximum} s"
                time.sleep(0.001)
        return time.perf_counter() - began

    def totals(self) -> Totals:
        """Everything that was sent is journaled and shown, once; AssertionError otherwise."""
        head = self.head()
        self.seconds_until_applied(head)
        with self.sidecar() as connection:
            text = connection.get("/metrics").body
        totals = Totals(self.sent, head - self.other_events, sum(map(int, _IN_METRICS.findall(text))))
        assert totals.sent == totals.journaled == totals.shown, totals
        return totals

    def end(self) -> None:
        """End both, now."""
        self.apps.end()

    def _run_wrk(self, script: str, connections: int, seconds: float, arguments: Sequence[str | Path]) -> Load:
        load = run_wrk(self.web_port, script, connections, seconds, arguments)
        assert load.errors == 0, f"{load.errors} of {load.answered} requests were refused"
        return replace(load, behind_seconds=self.seconds_until_applied(self.head()))

    def _send_again(self, bodies: list[bytes], content_type: str) -> None:
        """Send again what may have been under way when wrk ended, as a client does that got no answer: it is known by
        its ids, or is taken. From here on all that was sent is taken once.
        """
        with self.web() as connection:
            for body in bodies:
                answer = connection.post("/trades", body, content_type)
                assert answer.status in (200, 201), answer

    def _is_ready(self, port: int) -> bool:
        try:
            with Connection(port, self.token) as connection:
                return connection.get("/readyz").status == 200
        except OSError:
            return False


def shown_sequence(text: bytes) -> int:
    """The last sequence that is applied in an exposition of the sidecar."""
    found = _APPLIED.search(text)
    return int(found[1]) if found else 0


def _perhaps_cut_off(load: Load, connections: int) -> range:
    """The numbers of the last requests, more than the connections had under way."""
    end = FIRST + load.sent
    return range(max(end - UNDER_WAY * connections, FIRST), end)
