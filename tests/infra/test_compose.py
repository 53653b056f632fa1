"""The Compose files: good by the schema, closed to other machines, and the same as what runs without containers."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from infra.grafana.panels import GRAFANA_VERSION
from infra.monitoring import compose, native
from infra.monitoring.plan import Plan, read_plan
from service_kit.settings import Environment
from tests.infra.checkout import ROOT, Checkout
from tests.infra.prometheus import needs_prometheus

FILES = {path.name: YAML(typ="safe").load(path) for path in sorted((ROOT / "infra").glob("compose*.yaml"))}
TEXT = (ROOT / "infra" / "compose.yaml").read_text()
SERVICES: dict[str, Any] = FILES["compose.yaml"]["services"]

FAKE_DOCKER = """
import json, os, sys
log = open({log!r}, "a")
variables = {{key: os.environ.get(key) for key in ("LISTEN_HOST", "MONITORING_FOLDER")}}
log.write(json.dumps([sys.argv[1:], variables]) + "\\n")
if sys.argv[1] == "info":
    print({system!r})
elif sys.argv[-1] == "version":
    print("Docker Compose version v2")
elif "ps" in sys.argv:
    print("a-container")
"""


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return read_plan(Environment({}, tmp_path), tmp_path)


@pytest.mark.parametrize("name", FILES)
def test_it_follows_the_compose_specification(name: str) -> None:
    """The schema comes with check-jsonschema; nothing is fetched."""
    schema = ["--builtin-schema", "vendor.compose-spec"]
    command = [sys.executable, "-m", "check_jsonschema", *schema, str(ROOT / "infra" / name)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_images_have_a_version_and_no_registry() -> None:
    images = {name: service["image"] for name, service in SERVICES.items()}
    assert all(re.fullmatch(r"\w+/\w+:v?\d+\.\d+\.\d+", image) for image in images.values())
    assert images["grafana"].endswith(f":{GRAFANA_VERSION}")


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_no_rights_and_says_how_it_is(name: str) -> None:
    service = SERVICES[name]
    assert service["user"].startswith("${CONTAINER_USER:?")
    assert (service["cap_drop"], service["security_opt"]) == (["ALL"], ["no-new-privileges:true"])
    assert service["healthcheck"]["test"][0] == "CMD"
    assert all(volume.endswith(":ro") for volume in service["volumes"] if volume.startswith("."))


def test_ports_are_on_loopback_only() -> None:
    own = FILES["compose.own-network.yaml"]["services"]
    assert all(port.startswith("127.0.0.1:") for service in own.values() for port in service["ports"])
    host = FILES["compose.host-network.yaml"]["services"]
    assert all(service["network_mode"] == "host" and "ports" not in service for service in host.values())
    assert set(re.findall(r"\$\{LISTEN_HOST:?([^}]*)\}", TEXT)) == {"-127.0.0.1"}


@needs_prometheus
def test_prometheus_runs_with_the_options_it_has_without_a_container(plan: Plan) -> None:
    program = native.find_prometheus(plan)
    assert program
    paths_and_port = ("--config.file", "--storage.tsdb.path", "--web.listen-address")
    options = [dict(option.split("=", 1) for option in command) for command in (
        program.command[1:], SERVICES["prometheus"]["command"],
    )]  # fmt: skip
    assert options[0].keys() == options[1].keys()
    same = options[0].keys() - set(paths_and_port)
    assert {key: options[0][key] for key in same} == {key: options[1][key] for key in same}


def test_grafana_gets_the_same_settings_in_a_container() -> None:
    ours = {"GF_PATHS_DATA", "GF_PATHS_LOGS", "GF_PATHS_PLUGINS"}  # the image has its own
    networks = [FILES[f"compose.{name}-network.yaml"]["services"]["grafana"]["environment"] for name in ("own", "host")]
    assert networks[0].keys() == networks[1].keys()
    given = {**SERVICES["grafana"]["environment"], **networks[0]}
    plain = native.grafana_variables(read_plan(Environment({}, ROOT), ROOT))
    common = {
        line.split("=")[0] for line in (ROOT / "infra/grafana/grafana.env").read_text().splitlines() if "=" in line
    }
    assert SERVICES["grafana"]["env_file"] == ["grafana/grafana.env"]
    assert plain.keys() - ours - {key for key in common if not key.startswith("#")} == given.keys()


def test_every_variable_is_set_by_infra_up(plan: Plan) -> None:
    asked = {name for path in FILES for name in re.findall(r"\$\{(\w+)", (ROOT / "infra" / path).read_text())}
    assert asked == compose.variables(plan, compose.Engine("Linux", host_network=True)).keys()


@pytest.mark.parametrize(
    ("system", "network", "address"),
    [("Debian GNU/Linux 12", "host", "127.0.0.1:8000"), ("Docker Desktop", "own", "host.docker.internal:8000")],
)
@pytest.mark.skipif(sys.platform != "linux", reason="which network is used depends on the system")
def test_with_an_engine_containers_are_started_and_ended(
    tmp_path: Path, system: str, network: str, address: str
) -> None:  # fmt: skip
    checkout = Checkout(tmp_path / "checkout")
    log = tmp_path / "log"
    checkout.add_program("docker", FAKE_DOCKER.format(log=str(log), system=system))
    started, ended = checkout.run("up"), checkout.run("down")
    assert (started.returncode, ended.returncode) == (0, 0), started.stderr
    assert f"the Docker engine ({system}) runs Prometheus and Grafana in containers" in started.stdout
    assert "the containers are down" in ended.stdout
    calls = [json.loads(line) for line in log.read_text().splitlines()]
    (up,) = [call for call in calls if "up" in call[0]]
    files = [option.rpartition("/")[2] for option in up[0] if option.startswith("--file=")]
    assert files == ["compose.yaml", f"compose.{network}-network.yaml"]
    assert up[1]["LISTEN_HOST"] == ("127.0.0.1" if network == "host" else "0.0.0.0")
    assert Path(up[1]["MONITORING_FOLDER"], "prometheus").is_dir()
    (target,) = json.loads((checkout.folder / ".run" / "prometheus" / "trading-app.json").read_text())
    assert (target["targets"], target["labels"]["instance"]) == ([address], "127.0.0.1:8000")


@pytest.mark.skipif(not shutil.which("docker"), reason="there is no docker client here")
def test_a_client_without_an_engine_is_not_taken_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere")
    assert compose.find_engine() is None
