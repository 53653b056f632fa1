"""The files that depend on settings: what Prometheus asks, the tokens it shows, and Grafana's password in `.env`."""

import json
import secrets
from dataclasses import replace
from pathlib import Path

from dotenv import set_key

from infra.monitoring.plan import Plan, Target

HOST_OF_A_CONTAINER = "host.docker.internal"
DEMO_PORT = 8100
"""Of the web app of `make demo`; its sidecar has the next one."""

DEMO_JOBS = ("trading-app-demo", "metrics-sidecar-demo")
LOOPBACK_HOSTS = ("127.0.0.1", "[::1]", "localhost")


def write_targets(plan: Plan, *, from_container: bool = False) -> None:
    """Write one file of the target's address and interval and one of its token for each app.

    `from_container`: the apps are reached from a network of the containers' own. Prometheus notices a changed target
    file by itself, and reads a token each time it asks.
    """
    folder = plan.run_folder / "prometheus"
    folder.mkdir(parents=True, exist_ok=True)
    for target in plan.targets:
        _write_secret(folder / f"{target.job}.token", target.token)
        _replace(folder / f"{target.job}.json", target_file(target, plan.scrape_interval, from_container))
    for job in DEMO_JOBS:  # the demonstration writes its own
        if not (folder / f"{job}.json").exists():
            _replace(folder / f"{job}.json", "[]\n")


def write_demo_targets(run_folder: Path, port: int | None) -> None:
    """Let Prometheus ask the demonstration's apps, whose web app has this port; None: they don't run.

    Nothing is written where no Prometheus was started.
    """
    folder = run_folder / "prometheus"
    if not folder.is_dir():
        return
    own = folder / "trading-app.json"
    from_container = own.exists() and HOST_OF_A_CONTAINER in own.read_text()
    for number, job in enumerate(DEMO_JOBS):
        address = "" if port is None else f"127.0.0.1:{port + number}"
        _replace(folder / f"{job}.json", target_file(Target(job, "", address, ""), "1s", from_container))


def target_file(target: Target, scrape_interval: str, from_container: bool) -> str:
    """Whom Prometheus asks, and how often. The label `instance` is the address on this machine, wherever Prometheus
    runs: links to the page are made of it. An app that is switched off is not asked.
    """
    if not target.address:
        return "[]\n"
    labels = {
        "instance": target.address,
        "__scrape_interval__": scrape_interval,
        "__scrape_timeout__": scrape_interval,
    }
    address = _seen_from_container(target.address) if from_container else target.address
    return json.dumps([{"targets": [address], "labels": labels}], indent=2) + "\n"


def _seen_from_container(address: str) -> str:
    host, _, port = address.rpartition(":")
    return f"{HOST_OF_A_CONTAINER}:{port}" if host in LOOPBACK_HOSTS else address


def with_admin_password(plan: Plan) -> Plan:
    """The plan with a password for Grafana's user admin: the one that is set, or a new one, which `.env` then keeps."""
    if plan.admin_password:
        return plan
    made = secrets.token_urlsafe(18)
    path = plan.root / ".env"
    path.touch(mode=0o600)
    path.chmod(0o600)
    set_key(path, "GRAFANA_ADMIN_PASSWORD", made, quote_mode="never")
    path.chmod(0o600)
    return replace(plan, admin_password=made)


def _write_secret(path: Path, secret: str) -> None:
    """Nobody else may read it, at no moment."""
    temporary = path.with_suffix(".new")
    temporary.unlink(missing_ok=True)
    temporary.touch(mode=0o600, exist_ok=False)
    temporary.write_text(secret)
    temporary.replace(path)


def _replace(path: Path, text: str) -> None:
    """Whole or not at all: Prometheus may read it any time."""
    temporary = path.with_suffix(".new")
    temporary.write_text(text)
    temporary.replace(path)
