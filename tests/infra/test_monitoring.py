"""`make infra-up`, `infra-down` and `open` without a Docker engine."""

import os
import signal
import stat
from pathlib import Path

import pytest
from dotenv import dotenv_values

from infra.local.single_run import holder
from infra.monitoring.files import with_admin_password, write_targets
from infra.monitoring.plan import read_plan
from service_kit.access.tokens import entry_text
from service_kit.settings import Environment, SettingError
from tests.infra.checkout import ROOT, Checkout
from tests.infra.prometheus import needs_prometheus
from tests.support.http import HTTP
from tests.support.polling import eventually
from tests.support.ports import free_port

FAKE_GRAFANA = """
import http.server, json, os, sys
class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"arguments": sys.argv[1:], "variables": dict(os.environ)}).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)
address = (os.environ["GF_SERVER_HTTP_ADDR"], int(os.environ["GF_SERVER_HTTP_PORT"]))
http.server.HTTPServer(address, Health).serve_forever()
"""


@pytest.fixture
def ports() -> dict[str, str]:
    return {name: str(free_port()) for name in ("PROMETHEUS_HTTP_PORT", "GRAFANA_HTTP_PORT")}


def test_without_prometheus_it_says_how_to_install_it(tmp_path: Path) -> None:
    done = Checkout(tmp_path).run("up")
    assert done.returncode == 1
    assert "no Docker engine with Compose answers" in done.stdout
    assert "apt install prometheus" in done.stderr


@needs_prometheus
def test_both_run_until_infra_down(tmp_path: Path, ports: dict[str, str]) -> None:
    checkout = Checkout(tmp_path, "prometheus", **ports)
    checkout.add_program("grafana", FAKE_GRAFANA)
    (checkout.folder / "conf").mkdir()  # Grafana's own folder is the one above its program's
    (checkout.folder / "conf" / "defaults.ini").touch()
    started = checkout.run("up")
    try:
        assert started.returncode == 0, started.stderr
        answer = HTTP.get(f"http://127.0.0.1:{ports['GRAFANA_HTTP_PORT']}/").json()
        assert answer["arguments"][0] == "server"
        password = dotenv_values(checkout.folder / ".env")["GRAFANA_ADMIN_PASSWORD"] or ""
        assert answer["variables"]["GF_SECURITY_ADMIN_PASSWORD"] == password
        assert answer["variables"]["GF_AUTH_ANONYMOUS_ORG_ROLE"] == "Viewer"
        assert password not in started.stdout
        assert f"The dashboards: http://127.0.0.1:{ports['GRAFANA_HTTP_PORT']}/" in checkout.run("open").stdout
    finally:
        ended = checkout.run("down")
    assert "grafana is down" in ended.stdout
    assert "prometheus is down" in ended.stdout
    assert checkout.run("down").stdout == "infra-down: nothing runs\n"


@needs_prometheus
def test_a_second_infra_up_restarts_it_and_keeps_the_data(tmp_path: Path, ports: dict[str, str]) -> None:
    checkout = Checkout(tmp_path, "prometheus", **ports)
    assert checkout.run("up").returncode == 0
    first = checkout.process("prometheus")
    try:
        again = checkout.run("up")
        assert f"restarted, it was {first}" in again.stdout
        assert checkout.process("prometheus") != first
        assert "Grafana does not run" in checkout.run("open").stdout
    finally:
        checkout.run("down")
    assert (checkout.folder / "data" / "monitoring" / "native" / "prometheus" / "wal").is_dir()


@needs_prometheus
def test_a_port_that_is_taken_is_named_and_what_is_there_is_left_alone(
    tmp_path: Path, ports: dict[str, str]
) -> None:  # fmt: skip
    first = Checkout(tmp_path / "first", "prometheus", **ports)
    assert first.run("up").returncode == 0
    try:
        second = Checkout(tmp_path / "second", "prometheus", **ports).run("up")
        assert second.returncode == 1
        assert "is in use: change PROMETHEUS_HTTP_PORT in .env" in second.stderr
        os.kill(first.process("prometheus"), 0)
    finally:
        first.run("down")


@needs_prometheus
def test_a_stale_process_id_is_never_signalled(tmp_path: Path, ports: dict[str, str]) -> None:
    """The system gave the number to another process after Prometheus was killed: here to this one."""
    checkout = Checkout(tmp_path, "prometheus", **ports)
    assert checkout.run("up").returncode == 0
    pid_file = checkout.folder / ".run" / "prometheus.pid"
    os.kill(checkout.process("prometheus"), signal.SIGKILL)
    eventually(lambda: holder(pid_file) is None, what="the end of the process")
    pid_file.write_text(str(os.getpid()))
    assert checkout.run("down").stdout == "infra-down: nothing runs\n"


@needs_prometheus
def test_a_failed_start_is_reported_with_the_last_lines_of_its_log(tmp_path: Path, ports: dict[str, str]) -> None:
    checkout = Checkout(tmp_path, "prometheus", **ports)
    (checkout.folder / "infra" / "prometheus" / "prometheus.yml").write_text("no: configuration\n")
    done = checkout.run("up")
    assert done.returncode == 1
    assert "prometheus ended with exit code" in done.stderr
    assert "field no not found" in done.stderr


def test_a_setting_that_does_not_fit_is_named(tmp_path: Path) -> None:
    done = Checkout(tmp_path, PROMETHEUS_HTTP_PORT="seven").run("up")
    assert (done.returncode, done.stdout) == (1, "")
    assert "PROMETHEUS_HTTP_PORT='seven'" in done.stderr


def test_tokens_are_for_nobody_else_to_read(tmp_path: Path) -> None:
    write_targets(
        read_plan(Environment({"SIDECAR_API_TOKENS": "the-new-plain-token, the-old-plain-token"}, tmp_path), tmp_path)
    )
    token = tmp_path / ".run" / "prometheus" / "metrics-sidecar.token"
    assert (token.read_text(), stat.S_IMODE(token.stat().st_mode)) == ("the-new-plain-token", 0o600)


def test_the_token_shown_to_an_app_whose_tokens_are_hashed_is_a_setting(tmp_path: Path) -> None:
    settings = {
        "MONITORING_TOKEN": "reader",
        "SIDECAR_API_TOKENS": entry_text("reader", frozenset({"read"})),
        "WEBAPP_API_TOKENS": f"{entry_text('sender', frozenset({'ingest'}))}, a-token-in-plain-text",
    }
    write_targets(read_plan(Environment(settings, tmp_path), tmp_path))
    folder = tmp_path / ".run" / "prometheus"
    assert (folder / "metrics-sidecar.token").read_text() == "reader"
    assert (folder / "trading-app.token").read_text() == "a-token-in-plain-text"


def test_without_a_token_to_show_nothing_is_started(tmp_path: Path) -> None:
    done = Checkout(tmp_path, SIDECAR_API_TOKENS=entry_text("reader", frozenset({"read"}))).run("up")
    assert (done.returncode, done.stdout) == (1, "")
    assert "MONITORING_TOKEN: set a token that SIDECAR_API_TOKENS accepts for read" in done.stderr


def test_an_id_provider_alone_is_no_way_in_for_prometheus(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"^WEBAPP_API_TOKENS: add a token with the scope read"):
        read_plan(Environment({"WEBAPP_OIDC_ISSUER": "https://id.example"}, tmp_path), tmp_path)


def test_a_password_is_made_once_and_kept_in_a_file_for_nobody_else(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes((ROOT / ".env.sample").read_bytes())
    made = with_admin_password(read_plan(Environment({}, tmp_path), tmp_path)).admin_password
    lines = (tmp_path / ".env").read_text().splitlines()
    assert len(made) >= 20
    assert f"GRAFANA_ADMIN_PASSWORD={made}" in lines
    assert len(lines) == len((ROOT / ".env.sample").read_text().splitlines())
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600
    kept = read_plan(Environment({"GRAFANA_ADMIN_PASSWORD": made}, tmp_path), tmp_path)
    assert with_admin_password(kept).admin_password == made
    assert made not in repr(kept)


@pytest.mark.parametrize(("mode", "interval"), [("development", "1s"), ("production", "5s")])
def test_the_mode_says_how_often_is_asked(tmp_path: Path, mode: str, interval: str) -> None:
    assert read_plan(Environment({"ENVIRONMENT": mode}, tmp_path), tmp_path).scrape_interval == interval


def test_an_app_that_listens_everywhere_is_asked_on_loopback(tmp_path: Path) -> None:
    settings = {"WEBAPP_HTTP_HOST": "0.0.0.0", "SIDECAR_HTTP_HOST": "::1", "SIDECAR_HTTP_PORT": "9001"}
    plan = read_plan(Environment(settings, tmp_path), tmp_path)
    assert [target.address for target in plan.targets] == ["127.0.0.1:8000", "[::1]:9001", "127.0.0.1:8002", ""]


def test_an_app_that_is_switched_off_is_not_asked(tmp_path: Path) -> None:
    target = tmp_path / ".run" / "prometheus" / "trading-analytics.json"
    write_targets(read_plan(Environment({}, tmp_path), tmp_path))
    assert "127.0.0.1:8002" in target.read_text()
    write_targets(read_plan(Environment({"ANALYTICS_ENABLED": "no"}, tmp_path), tmp_path))
    assert target.read_text() == "[]\n"
