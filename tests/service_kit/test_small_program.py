"""A program of the service kit, as a process: what it has for less than a hundred lines."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.service_kit import small_program
from tests.support.http import open_client
from tests.support.polling import eventually
from tests.support.ports import free_port

ROOT = Path(__file__).parents[2]
TOKEN = "a-token-of-a-test-and-long-enough"
COMMAND = [sys.executable, "-m", "tests.service_kit.small_program"]


@contextmanager
def counting(**settings: str) -> Iterator[tuple[httpx.Client, "subprocess.Popen[str]"]]:
    """The program, once it is ready, and a client of it."""
    port = str(free_port())
    environment = {**os.environ, "COUNTING_HTTP_PORT": port, **settings}
    with (
        open_client(f"http://127.0.0.1:{port}") as client,
        subprocess.Popen(COMMAND, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True) as process,
    ):
        try:
            eventually(lambda: is_ready(client), what="the program ready")
            yield client, process
        finally:
            process.kill()


def is_ready(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


def test_it_has_fewer_than_a_hundred_lines() -> None:
    assert len(Path(small_program.__file__).read_text().splitlines()) < 100


def test_it_has_health_and_metrics_in_both_formats() -> None:
    with counting() as (client, _):
        assert client.get("/health").json() == client.get("/healthz").json() == {"status": "ok"}
        text = client.get("/metrics").text
        assert re.search(r"^counting_total \d+$", text, re.MULTILINE)
        assert "process_resident_memory_bytes" in text or not Path("/proc").exists()
        openmetrics = client.get("/metrics", headers={"Accept": "application/openmetrics-text"})
        assert openmetrics.text.endswith("# EOF\n")
        assert client.get("/nothing").json()["code"] == "not_found"
        assert client.post("/metrics").json()["code"] == "method_not_allowed"
        assert client.get("/metrics", headers={"Host": "evil.example"}).json()["code"] == "foreign_host"


def test_with_tokens_only_health_is_open() -> None:
    with counting(COUNTING_API_TOKENS=TOKEN) as (client, _):
        assert client.get("/healthz").status_code == 200
        assert client.get("/metrics").json()["code"] == "unauthorized"
        assert client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200


def test_its_connections_are_guarded() -> None:
    with counting() as (client, _):
        assert client.get("/metrics", headers={"X-Long": "x" * 40_000}).json()["code"] == "headers_too_large"


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_0(by: signal.Signals) -> None:
    with counting() as (_, process):
        process.send_signal(by)
        assert process.wait(timeout=60) == 0


def test_a_part_that_fails_ends_it_with_1_and_is_named() -> None:
    """Nothing waits until it is ready: it may have ended before a request finds it so."""
    environment = {**os.environ, "COUNTING_HTTP_PORT": str(free_port()), "COUNTING_FAIL_AFTER": "1"}
    failed = subprocess.run(COMMAND, cwd=ROOT, env=environment, capture_output=True, check=False, timeout=60)
    assert failed.returncode == 1
    assert b"counted enough" in failed.stderr


def test_a_bad_setting_ends_it_with_2_and_a_port_in_use_with_1() -> None:
    bad = subprocess.run(
        COMMAND, cwd=ROOT, env={**os.environ, "COUNTING_HTTP_PORT": "0"}, capture_output=True, check=False
    )
    assert (bad.returncode, bad.stderr.startswith(b"counting: COUNTING_HTTP_PORT=")) == (2, True)
    with counting() as (client, _):
        environment = {**os.environ, "COUNTING_HTTP_PORT": str(client.base_url.port)}
        second = subprocess.run(COMMAND, cwd=ROOT, env=environment, capture_output=True, check=False)
        assert second.returncode == 1
        assert b"is in use: set COUNTING_HTTP_PORT" in second.stderr


def test_it_shows_its_version() -> None:
    shown = subprocess.run([*COMMAND, "--version"], cwd=ROOT, capture_output=True, check=True, text=True)
    assert shown.stdout == "1.0.0\n"
