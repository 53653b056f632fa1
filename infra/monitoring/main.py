"""Prometheus and Grafana for the apps of this folder: `python -m infra.monitoring.main up | down | open`.

`up` uses containers where a Docker engine answers, and else what is installed on this machine; both with the
configuration in infra/prometheus and infra/grafana. Run again, it follows what has changed in `.env`.
"""

import argparse
import os
import sys
import webbrowser
from pathlib import Path

from infra.local.addresses import refusals
from infra.monitoring import compose, native
from infra.monitoring.files import with_admin_password, write_targets
from infra.monitoring.plan import Plan, read_plan
from infra.monitoring.program import Program, StartError, answers, end
from service_kit.settings import SettingError, load_environment

ROOT = Path(__file__).resolve().parents[2]

NO_PROMETHEUS = (
    "Prometheus is not installed. On Debian and Ubuntu: apt install prometheus, then systemctl disable --now"
    " prometheus (its own service takes port 9090). On macOS: brew install prometheus. Or start a Docker engine."
)
NO_GRAFANA = (
    "Grafana is not installed, so there are no dashboards; the figures are in Prometheus."
    " Install it as https://grafana.com/docs/grafana/latest/setup-grafana/installation says, or start a Docker engine;"
    " then make infra-up again."
)

HOW_TO_SIGN_IN = "  look without signing in, or sign in as admin with GRAFANA_ADMIN_PASSWORD of .env"


def up(plan: Plan) -> int:
    if engine := compose.find_engine():
        return _up_in_containers(with_admin_password(plan), engine)
    say("no Docker engine with Compose answers, so what is installed on this machine is used")
    prometheus = native.find_prometheus(plan)
    if not prometheus:
        complain(NO_PROMETHEUS)
        return 1
    if native.find_grafana(plan):
        plan = with_admin_password(plan)
    write_targets(plan)
    return _up_natively(plan, prometheus, native.find_grafana(plan))


def _up_in_containers(plan: Plan, engine: compose.Engine) -> int:
    say(f"the Docker engine ({engine.name}) runs Prometheus and Grafana in containers")
    write_targets(plan, from_container=not engine.host_network)
    if not compose.up(plan, engine):
        complain("docker compose failed; see above")
        return 1
    say(f"Prometheus listens on {plan.prometheus.url}")
    _say_what_it_asks(plan)
    say(f"Grafana listens on {plan.grafana.url}")
    say(HOW_TO_SIGN_IN)
    say(f"make infra-down ends both; their data stays in {plan.short(plan.data_folder / 'container')}")
    return 0


def _up_natively(plan: Plan, prometheus: Program, grafana: Program | None) -> int:
    """Start both; restart what runs already, so that it uses the current settings. Raises StartError, TimeoutError."""
    wanted = [(prometheus, plan.prometheus)] + ([(grafana, plan.grafana)] if grafana else [])
    refused = refusals([address for program, address in wanted if not program.runs()])
    for address, reason in refused:
        complain(f"{address} {reason}: change {address.settings[0]} in .env, or end what is there")
    if refused:
        return 1
    say(f"Prometheus listens on {plan.prometheus.url} ({_start(plan, prometheus)})")
    _say_what_it_asks(plan)
    if grafana:
        say(f"Grafana listens on {plan.grafana.url} ({_start(plan, grafana)})")
        say(HOW_TO_SIGN_IN)
    else:
        say(NO_GRAFANA)
    say(f"make infra-down ends what runs; the data stays in {plan.short(plan.data_folder / 'native')}")
    return 0


def _start(plan: Plan, program: Program) -> str:
    """Start a program, or restart it if it runs. Gives a description of its process."""
    ended = end(program.run_folder, program.name)
    before = f"restarted, it was {ended}; " if ended else ""
    return f"{before}process {program.start()}, log {plan.short(program.log_file)}"


def _say_what_it_asks(plan: Plan) -> None:
    for target in filter(lambda one: one.address, plan.targets):
        shown = ", with its token" if target.token else ""
        say(f"  scrapes the {target.title} at {target.address} every {plan.scrape_interval}{shown}")


def down(plan: Plan) -> int:
    ended = False
    for name in ("grafana", "prometheus"):
        if process := end(plan.run_folder, name):
            say(f"{name} is down (process {process})")
            ended = True
    if (engine := compose.find_engine()) and compose.down(plan, engine):
        say("the containers are down")
        ended = True
    if not ended:
        say("nothing runs")
    return 0


def open_dashboards(plan: Plan) -> int:
    if answers(f"{plan.grafana.url}/api/health"):
        print(f"The dashboards: {plan.grafana.url}/")
        webbrowser.open(f"{plan.grafana.url}/")
    elif answers(f"{plan.prometheus.url}/-/ready"):
        print(f"Prometheus: {plan.prometheus.url}/ (Grafana does not run)")
    else:
        print("Prometheus and Grafana: make infra-up starts them.")
    return 0


def say(line: str) -> None:
    print(f"infra-{sys.argv[1]}: {line}", flush=True)


def complain(line: str) -> None:
    print(f"infra-{sys.argv[1]}: {line}", file=sys.stderr)


def main() -> int:
    commands = {"up": up, "down": down, "open": open_dashboards}
    parser = argparse.ArgumentParser(description="Run Prometheus and Grafana for the apps of this folder.")
    parser.add_argument("command", choices=commands)
    command = commands[parser.parse_args().command]
    try:
        return command(read_plan(load_environment(os.environ, ROOT), ROOT))
    except (SettingError, StartError, TimeoutError) as error:
        complain(str(error))
        return 1


if __name__ == "__main__":
    sys.exit(main())
