"""`make audit` against a service of our own: what it asks, what it makes of the answers, and of none."""

import json
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

from infra.local.env_setup import ROOT
from tests.support.ports import free_port

REAL = {package["name"] for package in tomllib.loads((ROOT / "uv.lock").read_text())["package"]} - {
    "trading-telemetry", "trading-app", "metrics-sidecar", "telemetry-stream",
}  # fmt: skip
ADVISORY = {"id": "TEST-1", "modified": "2026-01-31T12:00:00Z", "summary": "made up", "affected": []}


class Advisories(HTTPServer):
    """Speaks as the Open Source Vulnerabilities service does, of one vulnerable package."""

    def __init__(self, vulnerable: str) -> None:
        super().__init__(("127.0.0.1", free_port()), Answer)
        self.vulnerable = vulnerable
        self.asked: set[str] = set()


class Answer(BaseHTTPRequestHandler):
    server: Advisories

    def do_POST(self) -> None:
        queries = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["queries"]
        names = [query["package"]["name"] for query in queries]
        self.server.asked.update(names)
        known = {"vulns": [{"id": ADVISORY["id"], "modified": ADVISORY["modified"]}]}
        self._send({"results": [known if name == self.server.vulnerable else {} for name in names]})

    def do_GET(self) -> None:
        self._send(ADVISORY)

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _send(self, document: object) -> None:
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def service(vulnerable: str = "") -> Iterator[Advisories]:
    with Advisories(vulnerable) as advisories:
        serving = threading.Thread(target=advisories.serve_forever)
        serving.start()
        try:
            yield advisories
        finally:
            advisories.shutdown()
            serving.join()


def audit(port: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "infra.local.audit", "--service-url", f"http://127.0.0.1:{port}/", "--no-cache"]
    outside = {"PATH": "/usr/bin:/bin", "UV_HTTP_RETRIES": "0", "NO_PROXY": "127.0.0.1"}
    return subprocess.run(command, cwd=ROOT, env=outside, capture_output=True, text=True, timeout=50, check=False)


def test_every_package_of_the_lock_is_asked_about() -> None:
    with service() as advisories:
        done = audit(advisories.server_port)
    assert (done.returncode, advisories.asked) == (0, REAL), done.stderr


def test_a_known_vulnerability_fails_and_is_named() -> None:
    with service("msgspec") as advisories:
        done = audit(advisories.server_port)
    assert done.returncode == 1
    assert "msgspec" in done.stdout
    assert "TEST-1" in done.stdout


def test_without_an_answer_it_does_not_pass() -> None:
    done = audit(free_port())
    assert done.returncode == 2
    assert "nothing is known of the packages" in done.stderr
