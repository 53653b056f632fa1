"""An app's process and its log, without the rest of `apps-up`."""

import asyncio
from pathlib import Path

import pytest

from infra.local import running_app
from infra.local.addresses import Address
from infra.local.running_app import App, RunningApp, describe, show_log, speaker
from tests.workspace.checkout import Checkout

APP = App("trading-app", "web app", 36, Address(("WEBAPP_HTTP_PORT",), "127.0.0.1", 1), "/")


def shown(*chunks: bytes) -> None:
    async def feed() -> None:
        output = asyncio.StreamReader()
        for chunk in chunks:
            output.feed_data(chunk)
        output.feed_eof()
        await show_log(APP, output)

    asyncio.run(feed())


def test_each_line_gets_the_prefix_whatever_the_chunks(capfd: pytest.CaptureFixture[str]) -> None:
    shown(b"one\ntw", b"o\n", b"no end of line")
    assert capfd.readouterr().out == "web app | one\nweb app | two\nweb app | no end of line\n"


def test_bytes_that_are_not_text_pass(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    shown(b"\xff\xfe\n")
    assert capfdbinary.readouterr().out == b"web app | \xff\xfe\n"


def test_a_line_without_end_is_shown_in_pieces(capfd: pytest.CaptureFixture[str]) -> None:
    shown(b"x" * 300_000)
    assert capfd.readouterr().out.replace("web app | ", "").replace("\n", "") == "x" * 300_000


def test_an_app_that_ignores_the_signal_is_killed_after_the_grace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    checkout = Checkout(tmp_path)
    checkout.set_mode("trading-app", "stubborn")
    monkeypatch.setattr(running_app, "ROOT", tmp_path)
    monkeypatch.setattr(running_app, "GRACE", 0.2)
    app = App("trading-app", "web app", 36, Address(("WEBAPP_HTTP_PORT",), "127.0.0.1", checkout.ports[0]), "/")

    async def start_and_stop() -> bool:
        running = await RunningApp.start(app, checkout.environment, speaker("apps-up"))
        while not running.healthy:
            await asyncio.sleep(0.01)
        return await running.stop()

    assert asyncio.run(start_and_stop()) is False
    assert "trading-app has not ended within 0 s and is killed" in capfd.readouterr().out


def test_an_end_is_said_in_words() -> None:
    assert [describe(status) for status in (0, 3, -9)] == ["exit code 0", "exit code 3", "signal SIGKILL"]


@pytest.mark.parametrize(
    ("host", "written", "url"),
    [
        ("127.0.0.1", "127.0.0.1:80", "http://127.0.0.1:80"),
        ("0.0.0.0", "0.0.0.0:80", "http://127.0.0.1:80"),
        ("::", "[::]:80", "http://[::1]:80"),
    ],
)
def test_a_server_that_listens_everywhere_is_found_on_loopback(host: str, written: str, url: str) -> None:
    address = Address(("WEBAPP_HTTP_PORT",), host, 80)
    assert (str(address), address.url) == (written, url)
