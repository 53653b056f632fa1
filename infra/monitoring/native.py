"""Prometheus and Grafana as they are installed on this machine, with the configuration that the containers have."""

import os
import shutil
from pathlib import Path

from dotenv import dotenv_values

from infra.monitoring.plan import Plan
from infra.monitoring.program import Program

RETENTION = ("--storage.tsdb.retention.time=30d", "--storage.tsdb.retention.size=2GB")


def find_prometheus(plan: Plan) -> Program | None:
    """How to run it; None if it is not installed."""
    found = shutil.which("prometheus")
    if not found:
        return None
    data = plan.data_folder / "native" / "prometheus"
    command = (
        found,
        f"--config.file={plan.root / 'infra' / 'prometheus' / 'prometheus.yml'}",
        f"--storage.tsdb.path={data}",
        *RETENTION,
        f"--web.listen-address={plan.prometheus}",
    )
    return Program("prometheus", command, os.environ, f"{plan.prometheus.url}/-/ready", plan.run_folder)


def find_grafana(plan: Plan) -> Program | None:
    """How to run it; None if it is not installed, or only in part."""
    found = shutil.which("grafana") or shutil.which("grafana-server")
    home = found and _home_folder(Path(found))
    if not (found and home):
        return None
    server = () if Path(found).name == "grafana-server" else ("server",)
    command = (found, *server, "--homepath", str(home))
    variables = {**os.environ, **grafana_variables(plan)}
    return Program("grafana", command, variables, f"{plan.grafana.url}/api/health", plan.run_folder)


def _home_folder(program: Path) -> Path | None:
    """The folder with Grafana's own files: of Debian's package, of Homebrew's, of the archive."""
    above = program.resolve().parent.parent
    for folder in (Path("/usr/share/grafana"), above / "share" / "grafana", above):
        if (folder / "conf" / "defaults.ini").is_file():
            return folder
    return None


def grafana_variables(plan: Plan) -> dict[str, str]:
    """Grafana's settings, as it takes them from its environment."""
    files, data = plan.root / "infra" / "grafana", plan.data_folder / "native" / "grafana"
    common = {key: value or "" for key, value in dotenv_values(files / "grafana.env").items()}
    return common | {
        "DASHBOARDS_FOLDER": str(files / "dashboards"),
        "GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH": str(files / "dashboards" / "trading-overview.json"),
        "GF_PATHS_DATA": str(data),
        "GF_PATHS_LOGS": str(data / "log"),
        "GF_PATHS_PLUGINS": str(data / "plugins"),
        "GF_PATHS_PROVISIONING": str(files / "provisioning"),
        "GF_SECURITY_ADMIN_PASSWORD": plan.admin_password,
        "GF_SERVER_HTTP_ADDR": plan.grafana.host,
        "GF_SERVER_HTTP_PORT": str(plan.grafana.port),
        "PROMETHEUS_URL": plan.prometheus.url,
        "SCRAPE_INTERVAL": plan.scrape_interval,
    }
