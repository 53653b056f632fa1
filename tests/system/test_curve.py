"""CURVE with both apps as processes and real keys: who has the right ones gets every trade, others learn why not."""

import random
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.apps import BIN, Apps, answers
from tests.support.audit import audit
from tests.support.http import HTTP
from tests.support.load import make_trade, post_batch
from tests.support.polling import eventually


@dataclass(frozen=True, slots=True)
class Key:
    """A pair made by the command: the file of the secret one, and the public one."""

    file: Path
    public: str

    @property
    def secret(self) -> str:
        return self.file.read_text().strip()


def make_key(file: Path) -> Key:
    made = subprocess.run([BIN / "trading-app", "zmq-keys", file], capture_output=True, text=True, check=True)
    return Key(file, made.stdout.splitlines()[2].strip())


@pytest.fixture(scope="module")
def made_keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Key]:
    folder = tmp_path_factory.mktemp("keys")
    return {name: make_key(folder / f"{name}.key") for name in ("web", "sidecar", "stranger")}


@pytest.fixture
def keys(made_keys: dict[str, Key], tmp_path: Path) -> dict[str, Key]:
    """Copies of a test's own: files that only their owner may read, as they were made."""
    return {name: Key(Path(shutil.copy(key.file, tmp_path)), key.public) for name, key in made_keys.items()}


def server_settings(keys: dict[str, Key]) -> dict[str, str]:
    stranger_to_be = "0" * 40  # rotation: several keys at once
    return {
        "WEBAPP_ZMQ_SECRET_KEY_FILE": str(keys["web"].file),
        "WEBAPP_ZMQ_CLIENT_KEYS": f"{stranger_to_be},{keys['sidecar'].public}",
    }


def client_settings(own: Key, server: Key) -> dict[str, str]:
    return {"SIDECAR_ZMQ_SECRET_KEY_FILE": str(own.file), "SIDECAR_ZMQ_SERVER_KEY": server.public}


@pytest.fixture
def started() -> Iterator[list[Apps]]:
    """What a test has started; ended afterwards."""
    apps: list[Apps] = []
    yield apps
    for each in apps:
        each.end()


def refused(apps: Apps, reason: str) -> int:
    text = HTTP.get(f"{apps.web_url}/metrics").text
    name = f'trading_app_stream_connections_refused_total{{reason="{reason}"}} '
    return int(float(next(line.removeprefix(name) for line in text.splitlines() if line.startswith(name))))


def another_sidecar(apps: Apps, folder: Path, **settings: str) -> Apps:
    """A sidecar with a folder of its own that follows the same web app."""
    folder.mkdir()
    other = Apps(folder)
    for key in ("WEBAPP_ZMQ_ADDR", "WEBAPP_REPLAY_ADDR"):
        other.environment[key] = apps.environment[key]
    other.start("metrics-sidecar", **settings)
    return other


def detail(apps: Apps) -> str:
    """Why a sidecar is not ready, as its readiness check says."""
    eventually(lambda: answers(f"{apps.sidecar_url}/healthz"))
    return str(HTTP.get(f"{apps.sidecar_url}/readyz").json().get("detail", ""))


def test_with_the_right_keys_every_trade_arrives_and_with_others_none(
    tmp_path: Path, keys: dict[str, Key], started: list[Apps]
) -> None:
    own, web, stranger = keys["sidecar"], keys["web"], keys["stranger"]
    apps = Apps(tmp_path, **server_settings(keys), **client_settings(own, web))
    started.append(apps)
    apps.start_both()
    chance = random.Random(5)
    last = post_batch(apps.web_port, [make_trade(f"first-{number}", chance) for number in range(100)])["last_seq"]
    apps.wait_until_applied(last)
    expected = {
        "unknown": (client_settings(stranger, web), "unknown_key", f"add {stranger.public} to WEBAPP_ZMQ_CLIENT_KEYS"),
        "elsewhere": (client_settings(own, stranger), "wrong_server_key", "is SIDECAR_ZMQ_SERVER_KEY its public key"),
        "plain": ({}, "other_mechanism", "speaks CURVE only"),
    }
    others = {name: another_sidecar(apps, tmp_path / name, **settings) for name, (settings, _, _) in expected.items()}
    started.extend(others.values())
    for name, (_, reason, advice) in expected.items():
        eventually(lambda name=name, advice=advice: advice in detail(others[name]), what=f"the reason at {name}")  # type: ignore[misc]
        eventually(
            lambda name=name, advice=advice: advice in others[name].log("metrics-sidecar").read_text(),  # type: ignore[misc]
            what=f"{name} says why in its log",
        )
        eventually(lambda reason=reason: refused(apps, reason), what=f"{reason} counted")  # type: ignore[misc]
        assert not answers(f"{others[name].sidecar_url}/metrics")
    last = post_batch(apps.web_port, [make_trade(f"second-{number}", chance) for number in range(100)])["last_seq"]
    apps.wait_until_applied(last)
    audit(apps, others=last)
    assert apps.stop() == {"trading-app": 0, "metrics-sidecar": 0}
    logs = "".join(log.read_text() for log in tmp_path.glob("**/*.log"))
    assert stranger.public in logs, "who is to let it in has to know it"
    assert not any(key.secret in logs for key in keys.values())
    for who in (apps, *others.values()):
        assert not any("error" in who.logged_levels(name) for name in who.processes)


def test_a_sidecar_with_keys_says_that_the_web_app_has_none(
    tmp_path: Path, keys: dict[str, Key], started: list[Apps]
) -> None:
    apps = Apps(tmp_path, **client_settings(keys["sidecar"], keys["web"]))
    started.append(apps)
    apps.start("trading-app")
    apps.start("metrics-sidecar")
    apps.wait_for("trading-app")
    eventually(lambda: "the web app does not use CURVE" in detail(apps), what="the reason at the sidecar")


@pytest.mark.parametrize("name", ["trading-app", "metrics-sidecar"])
def test_a_key_file_that_others_may_read_is_refused_at_the_start(
    tmp_path: Path, keys: dict[str, Key], started: list[Apps], name: str
) -> None:
    apps = Apps(tmp_path, **server_settings(keys), **client_settings(keys["sidecar"], keys["web"]))
    started.append(apps)
    for key in keys.values():
        key.file.chmod(0o644)
    apps.start(name)
    assert apps.processes[name].wait(timeout=60) == 1
    log = apps.log(name).read_text()
    assert "_ZMQ_SECRET_KEY_FILE" in log
    assert "chmod 600" in log
    assert "Traceback" not in log
    assert not any(key.secret in log for key in keys.values())


def test_the_command_shows_the_public_key_again_and_overwrites_nothing(tmp_path: Path) -> None:
    made = make_key(tmp_path / "one.key")
    secret = made.secret
    assert made.file.stat().st_mode & 0o777 == 0o600
    assert make_key(made.file) == made
    assert made.secret == secret
    elsewhere = subprocess.run(
        [BIN / "trading-app", "zmq-keys", tmp_path / "missing" / "one.key"], capture_output=True, text=True, check=False
    )
    assert elsewhere.returncode == 1
    assert "Traceback" not in elsewhere.stderr
