"""`make apps-up` and `make apps-down`, with real processes in a small checkout."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.ports import free_port
from tests.workspace.checkout import APPS, PATIENCE, PORT_SETTINGS, Checkout, is_alive, is_listening, wait_until


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Checkout]:
    made = Checkout(tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_all_in_good_order(checkout: Checkout, number: signal.Signals) -> None:
    run = checkout.up()
    run.wait_until_up()
    assert f"apps-up | web app listens on http://127.0.0.1:{checkout.ports[0]}/" in run.output
    assert f"apps-up | sidecar listens on http://127.0.0.1:{checkout.ports[1]}/metrics" in run.output
    run.wait_for("ready: open")
    assert run.output.splitlines()[-1] == (
        f"apps-up | ready: open http://127.0.0.1:{checkout.ports[0]}/ and send trades (docs/sending.md); `make demo`"
        " shows made-up ones apart; Ctrl-C here ends them"
    )
    assert run.end(number) == 0
    assert "web app | ended in good order" in run.output
    assert "sidecar | ended in good order" in run.output
    assert "analytics | ended in good order" in run.output
    assert "feed | ended in good order" in run.output
    assert "\033[" not in run.output, "no colours outside a terminal"


def test_a_signal_that_comes_before_an_app_handles_any_is_no_failure(checkout: Checkout) -> None:
    checkout.set_mode("trading-app", "starting")
    run = checkout.up()
    run.wait_until_up()
    assert run.end() == 0


@pytest.mark.long
@pytest.mark.parametrize("app", APPS)
def test_when_one_is_killed_the_others_are_ended_too(checkout: Checkout, app: str) -> None:
    run = checkout.up()
    run.wait_until_up()
    os.kill(run.app_processes(app)[0], signal.SIGKILL)
    assert run.exit_code() == 1
    assert f"{app} ended unexpectedly with signal SIGKILL; ending the others" in run.output
    assert run.output.count("ended in good order") == len(APPS) - 1


def test_an_app_that_does_not_start_is_named_with_its_exit_code(checkout: Checkout) -> None:
    checkout.set_mode("metrics-sidecar", "fail")
    run = checkout.up()
    assert run.exit_code() == 1
    assert "metrics-sidecar ended unexpectedly with exit code 3" in run.output


def test_an_app_that_is_missing_leaves_nothing_behind(checkout: Checkout) -> None:
    (checkout.root / ".venv" / "bin" / "metrics-sidecar").unlink()
    run = checkout.up()
    assert run.exit_code() == 1
    assert not any(is_alive(process) for process in run.app_processes("trading-app"))


@pytest.mark.parametrize(("position", "setting"), list(enumerate(PORT_SETTINGS)))
def test_an_address_in_use_names_its_setting(checkout: Checkout, position: int, setting: str) -> None:
    with socket.create_server(("127.0.0.1", checkout.ports[position])):
        run = checkout.up()
        assert run.exit_code() == 1
    assert f"apps-up: 127.0.0.1:{checkout.ports[position]} is in use: change {setting}" in run.output
    assert run.output.rstrip().endswith("in the process environment")
    assert not run.app_processes("trading-app")


def test_an_address_from_the_file_is_changed_in_the_file(checkout: Checkout) -> None:
    port = int(checkout.environment.pop("WEBAPP_HTTP_PORT"))
    (checkout.root / ".env").write_text(f"WEBAPP_HTTP_PORT={port}\n")
    with socket.create_server(("127.0.0.1", port)):
        run = checkout.up()
        assert run.exit_code() == 1
    assert "change WEBAPP_HTTP_PORT or WEBAPP_HTTP_HOST in .env" in run.output


def test_two_settings_may_not_name_the_same_address(checkout: Checkout) -> None:
    run = checkout.up(SIDECAR_HTTP_PORT=str(checkout.ports[0]))
    assert run.exit_code() == 1
    assert "is in use: change SIDECAR_HTTP_PORT" in run.output


def test_a_bad_value_names_its_setting(checkout: Checkout) -> None:
    run = checkout.up(ENVIRONMENT="staging")
    assert run.exit_code() == 1
    assert "ENVIRONMENT='staging'" in run.output


def test_apps_down_ends_the_apps_of_another_shell(checkout: Checkout) -> None:
    run = checkout.up()
    run.wait_until_up()
    down = checkout.down()
    assert (down.returncode, down.stdout) == (0, f"apps-down: the apps are down (process {run.process.pid})\n")
    assert run.exit_code() == 0
    assert not any(is_alive(process) for app in APPS for process in run.app_processes(app))


def test_apps_down_says_when_nothing_runs_and_touches_no_foreign_process(checkout: Checkout) -> None:
    for left_over in (None, str(os.getpid())):
        if left_over:
            (checkout.root / ".run").mkdir()
            (checkout.root / ".run" / "apps.pid").write_text(left_over)
        down = checkout.down()
        assert (down.returncode, down.stdout) == (0, "apps-down: nothing runs\n")


def test_a_second_apps_up_says_first_and_only_what_runs_where(checkout: Checkout) -> None:
    first = checkout.up()
    first.wait_until_up()
    second = checkout.up(WEBAPP_HTTP_PORT=str(free_port()))
    assert second.exit_code() == 1
    assert second.output == (
        f"apps-up: the apps run already: http://127.0.0.1:{checkout.ports[0]}/ (process {first.process.pid});"
        " `make apps-down` ends them\n"
    )
    assert first.end() == 0


def test_a_change_of_the_source_restarts_all(checkout: Checkout) -> None:
    run = checkout.up()
    run.wait_until_up()
    checkout.change_source()
    run.wait_for("sidecar listens on", times=2)
    run.wait_for("web app listens on", times=2)
    run.wait_for("analytics listens on", times=2)
    run.wait_for("feed listens on", times=2)
    assert all(len(set(run.app_processes(app))) == 2 for app in APPS)
    assert run.end() == 0


def test_an_app_broken_by_a_change_waits_for_the_next_change(checkout: Checkout) -> None:
    run = checkout.up()
    run.wait_until_up()
    checkout.set_mode("trading-app", "fail")
    checkout.change_source()
    run.wait_for("trading-app does not start since the change; waiting for the next one")
    assert len(run.app_processes("trading-app")) == 2, "no loop of restarts"
    checkout.set_mode("trading-app", "serve")
    checkout.change_source()
    run.wait_for("web app listens on", times=2)
    assert run.end() == 0


def test_production_does_not_watch_the_source(checkout: Checkout) -> None:
    run = checkout.up(ENVIRONMENT="production")
    run.wait_until_up()
    checkout.change_source()
    assert run.end() == 0
    assert "restarting" not in run.output


@pytest.mark.skipif(sys.platform != "linux", reason="a parent's death is signalled on Linux only")
def test_the_apps_end_when_apps_up_is_killed(checkout: Checkout) -> None:
    run = checkout.up()
    run.wait_until_up()
    run.end(signal.SIGKILL)
    wait_until(lambda: not any(is_listening(port) for port in checkout.ports), "the apps gone")
    assert checkout.down().stdout == "apps-down: nothing runs\n"


def test_the_apps_end_when_nobody_reads_the_output(checkout: Checkout) -> None:
    command = [sys.executable, "-m", "infra.local.apps", "up"]
    run = subprocess.Popen(command, cwd=checkout.root, env=checkout.environment, stdout=subprocess.PIPE)
    assert run.stdout is not None
    run.stdout.readline()
    run.stdout.close()
    assert run.wait(PATIENCE) == 0


def test_without_symbols_no_feed_is_started(checkout: Checkout) -> None:
    run = checkout.up(FEED_SYMBOLS="")
    run.wait_for("ready: open")
    assert run.app_processes("market-feed") == []
    assert run.end() == 0


def test_analytics_can_be_switched_off(checkout: Checkout) -> None:
    run = checkout.up(ANALYTICS_ENABLED="no")
    run.wait_for("ready: open")
    assert run.app_processes("trading-analytics") == []
    assert run.end() == 0
