"""No secret gets out of the running apps: by no log, answer, metric, document, file of theirs, command line or repr."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

import metrics_sidecar.environment
import trading_analytics.environment
import trading_app.environment
from service_kit.settings import Environment
from telemetry_stream.transports.zeromq.curve import make_key_file
from tests.support.apps import Apps
from tests.support.http import open_client
from tests.support.polling import eventually
from tests.support.programs import run_command

WEB_TOKEN, SIDECAR_TOKEN, MONITORING_TOKEN = "web-app-Secret-4711", "sidecar-Secret-4712", "monitoring-Secret-4713"
ANALYTICS_TOKEN = "analytics-Secret-4714"
PLAIN = {
    "WEBAPP_API_TOKENS": WEB_TOKEN,
    "SIDECAR_API_TOKENS": SIDECAR_TOKEN,
    "ANALYTICS_API_TOKENS": ANALYTICS_TOKEN,
    "MONITORING_TOKEN": MONITORING_TOKEN,
}
TRADE = {"symbol": "BTC/USDT", "price": "1", "qty": "1", "side": "buy"}


class Guarded(NamedTuple):
    """The apps with every secret there is, and the secrets."""

    apps: Apps
    secrets: list[bytes]


def secret_settings(folder: Path) -> dict[str, str]:
    web_key, sidecar_key, analytics_key = (folder / f"{name}.key" for name in ("web", "sidecar", "analytics"))
    web, sidecar, analytics = make_key_file(web_key), make_key_file(sidecar_key), make_key_file(analytics_key)
    return {
        **PLAIN,
        "WEBAPP_ZMQ_SECRET_KEY_FILE": str(web_key),
        "WEBAPP_ZMQ_CLIENT_KEYS": f"{sidecar.decode()},{analytics.decode()}",
        "SIDECAR_ZMQ_SERVER_KEY": web.decode(),
        "SIDECAR_ZMQ_SECRET_KEY_FILE": str(sidecar_key),
        "ANALYTICS_ZMQ_SERVER_KEY": web.decode(),
        "ANALYTICS_ZMQ_SECRET_KEY_FILE": str(analytics_key),
    }


@pytest.fixture(scope="module", params=["json", "console"])
def guarded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("guarded")
    settings = secret_settings(folder)
    secrets = [secret.encode() for secret in PLAIN.values()]
    secrets += [(folder / name).read_bytes().strip() for name in ("web.key", "sidecar.key", "analytics.key")]
    more = {"LOG_LEVEL": "DEBUG", "LOG_FORMAT": request.param, "SIDECAR_SNAPSHOT_SECONDS": "0.1"}
    apps = Apps(folder, **settings, **more)
    try:
        apps.start("trading-analytics")
        apps.start_both()
        apps.wait_for("trading-analytics")
        yield Guarded(apps, secrets)
    finally:
        apps.end()


def ask_all_kinds(apps: Apps) -> list[httpx.Response]:
    """Calls that succeed and calls that fail, with the tokens where they belong and where they don't."""
    answers = []
    urls = (apps.web_url, apps.sidecar_url, apps.analytics_url)
    for url, token in zip(urls, (WEB_TOKEN, SIDECAR_TOKEN, ANALYTICS_TOKEN), strict=True):
        right = {b"Authorization": b"Bearer " + token.encode()}
        wrong = {b"Authorization": b"Bearer x" + token.encode(), b"Cookie": b"trading_session=" + token.encode()}
        with open_client(url) as client:
            answers.append(client.post("/sign-in", data={"token": token}))
            for path in ("/", "/metrics", "/state", "/openapi.json", "/docs", "/trades", "/nothing", "/page/history"):
                answers += [
                    client.get(path, headers=headers) for headers in (right, {**right, b"Accept": b"text/html"})
                ]
            answers += [client.get("/metrics", headers=wrong), client.get("/metrics", params={"token": token})]
            answers += [client.post(path, headers=right, content=b"{") for path in ("/trade", "/trades", "/state")]
            answers += [
                client.post("/trade", headers=right, json=TRADE),
                client.post("/trade", headers=right, json={**TRADE, "price": "x"}),
                client.post("/trade", headers=wrong, json=TRADE),
                client.post("/sign-in", data={"token": f"x{token}"}),
                client.post("/sign-in", content=b"token=" + token.encode() + b"&&=%"),
            ]
    return answers


def assert_none_in(shown: bytes, secrets: list[bytes]) -> None:
    for secret in secrets:
        assert secret not in shown


def test_no_secret_is_in_what_the_apps_say_or_write(guarded: Guarded) -> None:
    apps, secrets = guarded
    answers = ask_all_kinds(apps)
    statuses = {answer.status_code for answer in answers}
    assert {200, 201, 303, 400, 401, 404, 405, 422} <= statuses
    for answer in answers:
        assert_none_in(answer.content + str(answer.headers.raw).encode(), secrets)
    eventually((apps.data / "sidecar-snapshot.json").exists, what="a snapshot")
    for process in apps.processes.values():
        assert_none_in(Path(f"/proc/{process.pid}/cmdline").read_bytes(), secrets)
    assert set(apps.stop().values()) == {0}
    written = [apps.log(name) for name in apps.processes]
    written += [path for path in apps.data.rglob("*") if path.is_file()]
    assert len(written) >= 4
    for path in written:
        assert_none_in(path.read_bytes(), secrets)


def test_no_secret_is_in_the_settings_as_they_are_shown(tmp_path: Path) -> None:
    environment = Environment(secret_settings(tmp_path), tmp_path)
    shown = repr(trading_app.environment.read_settings(environment))
    shown += repr(metrics_sidecar.environment.read_settings(environment))
    shown += repr(trading_analytics.environment.read_settings(environment))
    assert_none_in(shown.encode(), [secret.encode() for secret in PLAIN.values()])


@pytest.mark.parametrize("app", ["trading-app", "metrics-sidecar", "trading-analytics"])
@pytest.mark.parametrize(
    "bad",
    [
        {"LOG_LEVEL": "LOUD"},
        {"DATA_DIR": "/dev/null/x"},
        {
            "WEBAPP_API_TOKENS": f"read:sha256:{WEB_TOKEN}",
            "SIDECAR_API_TOKENS": f"read:sha256:{SIDECAR_TOKEN}",
            "ANALYTICS_API_TOKENS": f"read:sha256:{ANALYTICS_TOKEN}",
        },
        {
            "WEBAPP_ZMQ_CLIENT_KEYS": WEB_TOKEN,
            "SIDECAR_ZMQ_SERVER_KEY": SIDECAR_TOKEN,
            "ANALYTICS_ZMQ_SERVER_KEY": ANALYTICS_TOKEN,
        },
    ],
    ids=lambda bad: next(iter(bad)),
)
def test_no_secret_is_in_why_an_app_does_not_start(tmp_path: Path, app: str, bad: dict[str, str]) -> None:
    environment = {**os.environ, **Apps(tmp_path, **secret_settings(tmp_path), LOG_LEVEL="DEBUG").environment, **bad}
    run = run_command(app, environment=environment, folder=tmp_path)
    assert run.returncode in (1, 2), run.stderr
    assert run.stderr
    assert_none_in((run.stdout + run.stderr).encode(), [secret.encode() for secret in PLAIN.values()])
