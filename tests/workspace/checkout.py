"""A small checkout in a temporary folder: the real `infra/local`, fake apps, free ports."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tests.support.polling import PATIENCE_SECONDS
from tests.support.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
APPS = ("trading-app", "metrics-sidecar", "trading-analytics", "market-feed")
PORT_SETTINGS = (
    "WEBAPP_HTTP_PORT",
    "SIDECAR_HTTP_PORT",
    "ANALYTICS_HTTP_PORT",
    "WEBAPP_ZMQ_ADDR",
    "WEBAPP_REPLAY_ADDR",
    "FEED_HTTP_PORT",
    "FEED_ZMQ_ADDR",
    "FEED_REPLAY_ADDR",
)
PATIENCE = PATIENCE_SECONDS


def wait_until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.01)


def is_listening(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


class Run:
    """A running `apps-up`, with what it has printed so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.output = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.output += line

    def wait_for(self, text: str, times: int = 1) -> None:
        wait_until(lambda: self.output.count(text) >= times, f"{text!r} in\n{self.output}")

    def wait_until_up(self) -> None:
        for title in ("web app", "sidecar", "analytics", "feed"):
            self.wait_for(f"apps-up | {title} listens on")

    def app_processes(self, app: str) -> list[int]:
        """The process numbers an app has had, in order."""
        return [int(number) for number in re.findall(rf"{app} is process (\d+)", self.output)]

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send the signal; the exit code, once all output is read."""
        self.process.send_signal(number)
        return self.exit_code()

    def exit_code(self) -> int:
        code = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return code


class Checkout:
    """The folder, and its `apps-up` and `apps-down`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        shutil.copytree(
            ROOT / "infra" / "local", root / "infra" / "local", ignore=shutil.ignore_patterns("__pycache__")
        )
        shutil.copyfile(ROOT / ".env.sample", root / ".env.sample")
        for package in ("libs/telemetry-stream", *APPS):
            (root / package / "src").mkdir(parents=True)
        binaries = root / ".venv" / "bin"
        binaries.mkdir(parents=True)
        source = (Path(__file__).parent / "fake_app.py").read_text()
        for app in APPS:
            (binaries / app).write_text(f"#!{sys.executable}\n{source}")
            (binaries / app).chmod(0o755)
            self.set_mode(app, "serve")
        self.ports = [free_port() for _ in PORT_SETTINGS]
        self.environment = {key: value for key, value in os.environ.items() if key not in PORT_SETTINGS}
        self.environment["FEED_SYMBOLS"] = "BTC-USDT"
        for setting, port in zip(PORT_SETTINGS, self.ports, strict=True):
            self.environment[setting] = f"tcp://127.0.0.1:{port}" if setting.endswith("ADDR") else str(port)
        self.runs: list[Run] = []

    def set_mode(self, app: str, mode: str) -> None:
        (self.root / f"{app}.mode").write_text(mode)

    def change_source(self) -> None:
        # In one step: a file that is emptied, then written, may be seen as two changes.
        written = self.root / "changed.tmp"
        written.write_text(f"CHANGED = {time.monotonic()}\n")
        written.replace(self.root / "trading-app" / "src" / "changed.py")

    def up(self, **settings: str) -> Run:
        command = [sys.executable, "-m", "infra.local.apps", "up"]
        process = subprocess.Popen(
            command, cwd=self.root, env=self.environment | settings, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        self.runs.append(Run(process))
        return self.runs[-1]

    def down(self) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "infra.local.apps", "down"]
        return subprocess.run(command, cwd=self.root, capture_output=True, text=True, timeout=PATIENCE, check=False)

    def close(self) -> None:
        """End what a failed test has left."""
        for run in self.runs:
            if run.process.poll() is None:
                run.process.kill()
            run.exit_code()
            for process in [number for app in APPS for number in run.app_processes(app) if is_alive(number)]:
                os.kill(process, signal.SIGKILL)
            assert run.process.stdout is not None
            run.process.stdout.close()
