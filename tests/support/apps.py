"""The two apps as a user runs them: processes, on free ports, with a folder of their own."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx

from tests.support.polling import eventually

BIN = Path(sys.executable).parent


def free_port() -> int:
    """A TCP port that nobody has just now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Apps:
    """Starts, kills and asks a web app and a sidecar that belong together."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.web_port, self.sidecar_port = free_port(), free_port()
        self.web_url = f"http://127.0.0.1:{self.web_port}"
        self.sidecar_url = f"http://127.0.0.1:{self.sidecar_port}"
        self.environment = {
            **os.environ,
            "WEBAPP_HTTP_PORT": str(self.web_port),
            "WEBAPP_ZMQ_ADDR": f"tcp://127.0.0.1:{free_port()}",
            "WEBAPP_REPLAY_ADDR": f"tcp://127.0.0.1:{free_port()}",
            "SIDECAR_HTTP_PORT": str(self.sidecar_port),
            "DATA_DIR": str(folder / "data"),
            "WEBAPP_API_TOKENS": "",
            **settings,
        }
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str) -> None:
        """Start `trading-app` or `metrics-sidecar`; its log goes to a file in the folder."""
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [BIN / name], env=self.environment, cwd=self.folder, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )

    def start_both(self) -> None:
        """Start both and wait until both are ready."""
        self.start("trading-app")
        self.start("metrics-sidecar")
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Wait until both answer their readiness check."""
        eventually(lambda: answers(f"{self.web_url}/readyz"), what="the web app ready")
        eventually(lambda: answers(f"{self.sidecar_url}/readyz"), what="the sidecar ready")

    def kill(self, name: str) -> None:
        """End it as a power cut would."""
        self.processes[name].send_signal(signal.SIGKILL)
        self.processes[name].wait()

    def stop(self) -> dict[str, int]:
        """End both as a user would; their exit codes."""
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)
        return {name: process.wait(timeout=20) for name, process in self.processes.items()}

    def wait_until_applied(self, sequence: int) -> None:
        """Wait until the sidecar is ready and has applied that sequence."""
        eventually(
            lambda: answers(f"{self.sidecar_url}/readyz") and self.state()["applied"] >= sequence,
            what=f"sequence {sequence} applied",
        )

    def state(self) -> dict[str, Any]:
        """The sidecar's own account of what it knows."""
        known: dict[str, Any] = httpx.get(f"{self.sidecar_url}/state").raise_for_status().json()
        return known

    def samples(self) -> dict[str, str]:
        """The sidecar's exposition: each sample's name and labels, and its value as text."""
        text = httpx.get(f"{self.sidecar_url}/metrics", headers={"Accept": "text/plain"}).raise_for_status().text
        lines = (line for line in text.splitlines() if line and not line.startswith("#"))
        return dict(line.rsplit(" ", 1) for line in lines)


def answers(url: str) -> bool:
    """Whether there is a 200 to be had."""
    try:
        return httpx.get(url, timeout=2).status_code == 200
    except httpx.TransportError:
        return False
