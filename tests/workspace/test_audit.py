"""`make audit` against a service and an index of our own: what it asks, what it makes of the answers, and of none."""

import json
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TypeVar

import pytest

from infra.local.audit import ask_index
from infra.local.env_setup import ROOT
from tests.support.ports import free_port

OWN_SOURCES = {"editable", "virtual"}
LOCKED = [
    (package["name"], package["version"])
    for package in tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    if not OWN_SOURCES & package["source"].keys()
]
NAMES = {name for name, _ in LOCKED}
NEWEST = dict(LOCKED)
"""Of a package that is there twice, one is not."""
Server = TypeVar("Server", bound=HTTPServer)
ADVISORY = {"id": "TEST-1", "modified": "2026-01-31T12:00:00Z", "summary": "made up", "affected": []}


class Advisories(HTTPServer):
    """Speaks as the Open Source Vulnerabilities service does, of one vulnerable package."""

    def __init__(self, vulnerable: str, handler: "type[Answer] | None" = None) -> None:
        super().__init__(("127.0.0.1", free_port()), handler or Answer)
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


class Index(Advisories):
    """Speaks as a package index does: of every version, or of the newest ones only."""

    def __init__(self, vulnerable: str, newest: dict[str, str] | None) -> None:
        super().__init__(vulnerable, IndexAnswer)
        self.address = f"http://127.0.0.1:{self.server_port}/pypi/"
        self.newest = newest


class IndexAnswer(Answer):
    server: Index

    def do_GET(self) -> None:
        folder, name, *version, document = self.path.strip("/").split("/")
        assert (folder, document) == ("pypi", "json")
        self.server.asked.add(name)
        newest = self.server.newest
        if version and newest is not None:
            self.send_error(404)
            return
        output = version[0] if newest is None else newest[name]
        known: list[dict[str, object]] = [{"id": "TEST-0", "fixed_in": [], "withdrawn": "2026-01-31T12:00:00Z"}]
        if name == self.server.vulnerable:
            known.append({"id": "TEST-1", "fixed_in": ["9.9"], "withdrawn": None})
        self._send({"info": {"version": output}, "vulnerabilities": known})


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    with server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def audit(*options: str, service: int = 0, index: int = 0) -> subprocess.CompletedProcess[str]:
    """The command, with a service and an index on these ports; nobody listens on 0."""
    url = f"http://127.0.0.1:{service or free_port()}/"
    outside = {
        "PATH": "/usr/bin:/bin",
        "UV_HTTP_RETRIES": "0",
        "NO_PROXY": "127.0.0.1",
        "UV_DEFAULT_INDEX": f"http://127.0.0.1:{index or free_port()}/simple/",
    }
    command = [sys.executable, "-m", "infra.local.audit", "--service-url", url, "--no-cache", *options]
    return subprocess.run(command, cwd=ROOT, env=outside, capture_output=True, text=True, timeout=200, check=False)


def test_every_package_of_the_lock_is_asked_about() -> None:
    with serving(Advisories("")) as advisories:
        done = audit(service=advisories.server_port)
    assert (done.returncode, advisories.asked) == (0, NAMES), done.stderr


def test_a_known_vulnerability_fails_and_is_named() -> None:
    with serving(Advisories("msgspec")) as advisories:
        done = audit(service=advisories.server_port)
    assert done.returncode == 1
    assert "msgspec" in done.stdout
    assert "TEST-1" in done.stdout


def test_without_a_service_the_index_is_asked_about_every_package() -> None:
    with serving(Index("", None)) as index:
        done = audit(index=index.server_port)
    assert (done.returncode, index.asked) == (0, NAMES), done.stderr
    assert f"0 known vulnerabilities in {len(LOCKED)} packages; nothing is known of 0" in done.stdout


def test_what_the_index_knows_fails_unless_it_is_ignored(capsys: pytest.CaptureFixture[str]) -> None:
    with serving(Index("msgspec", None)) as index:
        assert ask_index(index.address, set()) == 1
        output = capsys.readouterr().out
        assert ask_index(index.address, {"TEST-1"}) == 0
    assert f"msgspec {NEWEST['msgspec']}: TEST-1, mended in 9.9" in output
    assert "TEST-0" not in output


def test_a_package_that_the_index_has_only_in_another_version_is_named_and_does_not_pass(
    capsys: pytest.CaptureFixture[str],
) -> None:
    newest = NEWEST | {"msgspec": "9999.1"}
    with serving(Index("", newest)) as index:
        assert ask_index(index.address, set()) == 2
    output = capsys.readouterr().out
    others = sum(newest[name] != version for name, version in LOCKED)
    assert f"msgspec {NEWEST['msgspec']}: nothing is known" in output
    assert f"nothing is known of {others}" in output


def test_without_any_answer_it_does_not_pass() -> None:
    done = audit()
    assert done.returncode == 2
    assert f"nothing is known of {len(LOCKED)}" in done.stdout
