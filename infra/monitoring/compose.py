"""Prometheus and Grafana in containers, where a Docker engine answers."""

import os
import subprocess
import sys
from dataclasses import dataclass

from infra.monitoring.plan import Plan

QUESTION_TIMEOUT = 10.0  # seconds; an engine that is being started may take some


@dataclass(frozen=True)
class Engine:
    """A Docker engine that answers. `host_network`: its containers can have this machine's network."""

    name: str
    host_network: bool


def find_engine() -> Engine | None:
    """The engine that `docker` speaks to, if it answers and `docker compose` is there; else None."""
    name = _answer("docker", "info", "--format", "{{.OperatingSystem}}")
    if not name or not _answer("docker", "compose", "version"):
        return None
    return Engine(name, host_network=sys.platform == "linux" and name != "Docker Desktop")


def _answer(*command: str) -> str | None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=QUESTION_TIMEOUT, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def up(plan: Plan, engine: Engine) -> bool:
    """Start both, or apply what has changed, and wait until both are healthy; whether that went well.

    The folders are made first: an engine would make them for root.
    """
    for name in ("prometheus", "grafana"):
        (plan.data_folder / "container" / name).mkdir(parents=True, exist_ok=True)
    return _compose(plan, engine, "up", "--detach", "--wait", "--remove-orphans").returncode == 0


def down(plan: Plan, engine: Engine) -> bool:
    """End both and remove the containers, not their data; whether any ran."""
    if not _compose(plan, engine, "ps", "--all", "--quiet", quiet=True).stdout.strip():
        return False
    return _compose(plan, engine, "down").returncode == 0


def _compose(
    plan: Plan, engine: Engine, *arguments: str, quiet: bool = False
) -> subprocess.CompletedProcess[str]:  # fmt: skip
    network = "host-network" if engine.host_network else "own-network"
    files = [f"--file={plan.root / 'infra' / name}" for name in ("compose.yaml", f"compose.{network}.yaml")]
    return subprocess.run(
        ["docker", "compose", *files, *arguments], env=os.environ | variables(plan, engine),
        capture_output=quiet, text=True, check=False,
    )  # fmt: skip


def variables(plan: Plan, engine: Engine) -> dict[str, str]:
    """What the Compose files ask for."""
    return {
        "CONTAINER_USER": f"{os.getuid()}:{os.getgid()}",
        "GRAFANA_ADMIN_PASSWORD": plan.admin_password or "not made yet",
        "GRAFANA_HTTP_PORT": str(plan.grafana.port),
        "LISTEN_HOST": plan.prometheus.host if engine.host_network else "0.0.0.0",
        "MONITORING_FOLDER": str(plan.data_folder / "container"),
        "PROMETHEUS_HTTP_PORT": str(plan.prometheus.port),
        "SCRAPE_INTERVAL": plan.scrape_interval,
    }
