"""What Prometheus and Grafana are run with, read from the settings."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from infra.local.addresses import Address, http_address
from service_kit.access.tokens import token_to_show
from service_kit.settings import Environment, SettingError

DEFAULT_PORTS = {
    "WEBAPP_HTTP_PORT": "8000",
    "SIDECAR_HTTP_PORT": "8001",
    "ANALYTICS_HTTP_PORT": "8002",
    "FEED_HTTP_PORT": "8003",
}
DEFAULT_HOSTS = {name.replace("_PORT", "_HOST"): "127.0.0.1" for name in DEFAULT_PORTS}
LOOPBACK = "127.0.0.1"  # of Prometheus and Grafana, always: anybody who reaches them may look


@dataclass(frozen=True)
class Target:
    """One app as Prometheus asks it. `token` is empty where the app asks for none."""

    job: str
    title: str
    address: str  # HOST:PORT as this machine reaches it; empty where the app is switched off
    token: str = field(repr=False)


@dataclass(frozen=True)
class Plan:
    """Read again for each start, so that a restart follows a changed `.env`."""

    root: Path
    targets: tuple[Target, ...]
    scrape_interval: str  # as Prometheus writes it: 1s
    prometheus: Address
    grafana: Address
    admin_password: str = field(repr=False)  # empty: none has been made yet
    data_folder: Path

    @property
    def run_folder(self) -> Path:
        """What is of use only while something runs: process numbers, logs, generated configuration."""
        return self.root / ".run"

    def short(self, path: Path) -> str:
        """A path as a person in the project's folder writes it."""
        return str(path.relative_to(self.root)) if path.is_relative_to(self.root) else str(path)


def read_plan(environment: Environment, root: Path) -> Plan:
    """Raises SettingError for a value that does not fit."""
    if environment.text("WEBAPP_OIDC_ISSUER", "") and not environment.words("WEBAPP_API_TOKENS"):
        raise SettingError("WEBAPP_API_TOKENS: add a token with the scope read: Prometheus has no ID token to show")
    mode = environment.choice("ENVIRONMENT", "development", ("development", "production"))
    return Plan(
        root=root,
        targets=(
            _target(environment, "trading-app", "web app", "WEBAPP"),
            _target(environment, "metrics-sidecar", "sidecar", "SIDECAR"),
            _analytics(environment),
            _feed(environment),
        ),
        scrape_interval="1s" if mode == "development" else "5s",
        prometheus=Address(("PROMETHEUS_HTTP_PORT",), LOOPBACK, environment.port("PROMETHEUS_HTTP_PORT", 9090)),
        grafana=Address(("GRAFANA_HTTP_PORT",), LOOPBACK, environment.port("GRAFANA_HTTP_PORT", 3000)),
        admin_password=environment.text("GRAFANA_ADMIN_PASSWORD", ""),
        data_folder=environment.folder("DATA_DIR", "./data") / "monitoring",
    )


def _target(environment: Environment, job: str, title: str, app: str) -> Target:
    address = http_address(environment, app, DEFAULT_HOSTS | DEFAULT_PORTS)
    token = token_to_show(environment, f"{app}_API_TOKENS")
    return Target(job, title, address.url.removeprefix("http://"), token)


def _analytics(environment: Environment) -> Target:
    target = _target(environment, "trading-analytics", "analytics", "ANALYTICS")
    is_on = environment.choice("ANALYTICS_ENABLED", "yes", ("yes", "no")) == "yes"
    return target if is_on else replace(target, address="")


def _feed(environment: Environment) -> Target:
    target = _target(environment, "market-feed", "market feed", "FEED")
    return target if environment.words("FEED_SYMBOLS") else replace(target, address="")
