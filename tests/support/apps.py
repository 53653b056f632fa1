"""The two apps as a user runs them: processes, on free ports, with a folder of their own."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.support.http import HTTP
from tests.support.polling import PATIENCE_SECONDS, eventually
from tests.support.ports import free_address, free_port
from tests.support.programs import ForkedProgram, Process

BIN = Path(sys.executable).parent

# Without certificates to load it is made in no time; no connection is kept that a killed app could break.


class Apps:
    """Starts, kills and asks a web app and a sidecar that belong together."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.web_port, self.sidecar_port = free_port(), free_port()
        self.web_url = f"http://127.0.0.1:{self.web_port}"
        self.sidecar_url = f"http://127.0.0.1:{self.sidecar_port}"
        self.analytics_port = free_port()
        self.analytics_url = f"http://127.0.0.1:{self.analytics_port}"
        self.feed_port = free_port()
        self.feed_url = f"http://127.0.0.1:{self.feed_port}"
        self.environment = {
            **os.environ,
            "WEBAPP_HTTP_PORT": str(self.web_port),
            "WEBAPP_ZMQ_ADDR": free_address(),
            "WEBAPP_REPLAY_ADDR": free_address(),
            "SIDECAR_HTTP_PORT": str(self.sidecar_port),
            "ANALYTICS_HTTP_PORT": str(self.analytics_port),
            "FEED_HTTP_PORT": str(self.feed_port),
            "FEED_ZMQ_ADDR": free_address(),
            "FEED_REPLAY_ADDR": free_address(),
            "DATA_DIR": str(folder / "data"),
            "WEBAPP_API_TOKENS": "",
            "SIDECAR_API_TOKENS": "",
            "ANALYTICS_API_TOKENS": "",
            "FEED_API_TOKENS": "",
            "MONITORING_TOKEN": "",
            **settings,
        }
        self.data = folder / "data"
        self.processes: dict[str, Process] = {}

    def start(self, name: str, command: str | Sequence[str | Path] = "", **settings: str) -> None:
        """Start one of the programs, or in its place another program or command; its log goes to a file."""
        if isinstance(command, str):
            environment = self.environment | settings
            self.processes[name] = ForkedProgram(command or name, environment, self.folder, self.log(name))
            return
        with self.log(name).open("ab") as log:
            self.processes[name] = subprocess.Popen(
                command,
                env=self.environment | settings,
                cwd=self.folder,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )

    def log(self, name: str) -> Path:
        """The file that an app's log goes to, over all its starts."""
        return self.folder / f"{name}.log"

    def logged_levels(self, name: str) -> set[str]:
        """The levels of an app's log lines, over all its starts; the log must be JSON."""
        *lines, _being_written = self.log(name).read_text().split("\n")
        return {json.loads(line)["level"] for line in lines if line.startswith("{")}

    def start_both(self) -> None:
        """Start both and wait until both are ready."""
        self.start("trading-app")
        self.start("metrics-sidecar")
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Wait until both answer their readiness check."""
        self.wait_for("trading-app")
        self.wait_for("metrics-sidecar")

    def wait_for(self, name: str, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until that one answers its readiness check."""
        urls = {"trading-app": self.web_url, "trading-analytics": self.analytics_url, "market-feed": self.feed_url}
        url = urls.get(name, self.sidecar_url)
        eventually(lambda: answers(f"{url}/readyz"), seconds, f"{name} ready")

    def kill(self, name: str) -> None:
        """End it as a power cut would."""
        self.processes[name].send_signal(signal.SIGKILL)
        self.processes[name].wait()

    def stop(self) -> dict[str, int]:
        """End both as a user would; their exit codes."""
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)
        return {name: process.wait(timeout=PATIENCE_SECONDS) for name, process in self.processes.items()}

    def stop_one(self, name: str) -> None:
        """End that one as a user would; AssertionError unless it ends with 0."""
        self.processes[name].terminate()
        assert self.processes[name].wait(timeout=PATIENCE_SECONDS) == 0

    def end(self) -> None:
        """End whatever still runs, now."""
        for process in self.processes.values():
            if process.poll() is None:
                process.kill()
            process.wait()

    def wait_until_applied(self, sequence: int, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until the sidecar is ready and has applied that sequence."""
        eventually(lambda: self._has_applied(sequence), seconds, f"sequence {sequence} applied")

    def _has_applied(self, sequence: int) -> bool:
        if not answers(f"{self.sidecar_url}/readyz"):
            return False
        answer = HTTP.get(f"{self.sidecar_url}/state")
        # Not ready again, since it noticed another history in between.
        return answer.status_code != 503 and bool(answer.raise_for_status().json()["applied"] >= sequence)

    def state(self) -> dict[str, Any]:
        """The sidecar's own account of what it knows."""
        known: dict[str, Any] = HTTP.get(f"{self.sidecar_url}/state").raise_for_status().json()
        return known

    def samples(self) -> dict[str, str]:
        """The sidecar's exposition: each sample's name and labels, and its value as text."""
        return samples_of(f"{self.sidecar_url}/metrics")

    def web_samples(self) -> dict[str, str]:
        """The web app's exposition: each sample's name and labels, and its value as text."""
        return samples_of(f"{self.web_url}/metrics")


@contextmanager
def running_apps(folder: Path, **settings: str) -> Iterator[Apps]:
    """Both apps, ready; ended afterwards, whatever became of them."""
    apps = Apps(folder, **settings)
    try:
        apps.start_both()
        yield apps
    finally:
        apps.end()


def samples_of(url: str) -> dict[str, str]:
    """The samples of an exposition: name and labels, and the value as text."""
    text = HTTP.get(url, headers={"Accept": "text/plain"}).raise_for_status().text
    lines = (line for line in text.splitlines() if line and not line.startswith("#"))
    return dict(line.rsplit(" ", 1) for line in lines)


def answers(url: str) -> bool:
    """Whether there is a 200 to be had."""
    try:
        return HTTP.get(url).status_code == 200
    except httpx.TransportError:
        return False
