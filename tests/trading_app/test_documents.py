"""The documents hold: every example runs and answers as written, and nothing is left out or made up."""

import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families as parse_text

from service_kit.connection.guarded_http import MAX_HEAD_BYTES, MAX_HEADERS, MAX_URL_BYTES
from service_kit.connection.limits import MAX_WAITING
from service_kit.problems import MAX_ERRORS
from service_kit.settings import Environment
from tests.trading_app.running import running
from trading_app import metric_catalogue
from trading_app.access.call import OPEN_ROUTES
from trading_app.context import Context
from trading_app.environment import read_settings
from trading_app.page.page import MAX_FORM_BYTES
from trading_app.problems import TYPES
from trading_model.fields import NAMES, REQUIRED

DOCS = Path(__file__).resolve().parents[2] / "docs"
API = (DOCS / "api.md").read_text()
METRICS = (DOCS / "app-metrics.md").read_text()


def table(document: str, heading: str) -> list[list[str]]:
    """The rows of the table whose first heading it is, without the back quotes around a first cell."""
    _, _, rest = document.partition(f"| {heading} |")
    rows = []
    for line in rest.partition("\n\n")[0].splitlines()[2:]:
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        rows.append([cells[0].strip().strip("`"), *cells[1:]])
    return rows


def examples() -> Iterator[tuple[str, str]]:
    """Each command of the document, with what it shows."""
    for block in re.findall(r"```console\n(.*?)```", API, re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, shown = part.partition("\n")
            yield command, shown


def alike(text: str) -> str:
    """Without what is another at every run."""
    return re.sub(r'"(request_id|stream|hash)":"[0-9a-f-]+"', r'"\1":"…"', text).strip()


def test_every_example_answers_as_the_document_says(tmp_path: Path) -> None:
    with running(tmp_path) as app:
        for command, shown in examples():
            here = command.replace("http://127.0.0.1:8000", app.url)
            run = subprocess.run(["bash", "-c", here], cwd=tmp_path, capture_output=True, text=True, check=False)
            assert alike(run.stdout) == alike(shown), command
    assert len(list(examples())) > 12


def test_every_code_is_in_the_document_with_its_status() -> None:
    assert {row[0]: int(row[1]) for row in table(API, "code")} == {code: known.status for code, known in TYPES.items()}


def test_every_call_is_in_the_document(client: httpx.Client) -> None:
    written = set(re.findall(r"`(GET|POST) (/[\w/.{}-]*)`", API))
    served = {
        (method.upper(), path) for path, item in client.get("/openapi.json").json()["paths"].items() for method in item
    }
    assert served | {("GET", "/"), ("GET", "/docs"), ("GET", "/openapi.json")} == written


def test_every_field_is_in_the_document() -> None:
    rows = table(API, "field")
    assert {row[0] for row in rows} == set(NAMES)
    assert {row[0] for row in rows if row[1] == "required"} == set(REQUIRED)


class Recorded(dict[str, str]):
    """An environment that remembers what it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:
        self.asked.add(key)
        return default


def test_every_setting_is_in_the_document_with_its_default() -> None:
    environment = Recorded()
    defaults = read_settings(Environment(environment, Path("/project")))
    rows = {row[0]: row[1].strip("`") for row in table(API, "setting")}
    assert rows.keys() == environment.asked
    numbers: Mapping[str, float] = {
        "WEBAPP_HTTP_PORT": defaults.http_port,
        "WEBAPP_MAX_BODY_BYTES": defaults.max_body_bytes,
        "WEBAPP_MAX_BODIES_BYTES": defaults.max_bodies_bytes,
        "WEBAPP_MAX_OUTGOING_BYTES": defaults.max_outgoing_bytes,
        "WEBAPP_MAX_BATCH_TRADES": defaults.max_batch_trades,
        "WEBAPP_MAX_PENDING_TRADES": defaults.max_pending_trades,
        "WEBAPP_MAX_LIVE_STREAMS": defaults.max_live_streams,
        "WEBAPP_MAX_CONNECTIONS": defaults.max_connections,
        "WEBAPP_HEADER_SECONDS": defaults.header_seconds,
        "WEBAPP_BODY_SECONDS": defaults.body_seconds,
        "WEBAPP_UNREAD_SECONDS": defaults.unread_seconds,
        "WEBAPP_MIN_FREE_BYTES": defaults.min_free_bytes,
    }
    assert {key: int(rows[key]) for key in numbers} == numbers
    assert rows["WEBAPP_HTTP_HOST"] == defaults.http_host
    assert (rows["WEBAPP_ZMQ_ADDR"], rows["WEBAPP_REPLAY_ADDR"]) == (
        defaults.publisher_address,
        defaults.replay_address,
    )
    assert Path("/project", rows["DATA_DIR"]) == defaults.data_folder


def test_limits_that_are_no_settings_are_in_the_document() -> None:
    assert f"A form has at most {MAX_FORM_BYTES} bytes" in API
    assert f"At most {MAX_ERRORS} `errors` are listed" in API
    heads = f"an address {MAX_URL_BYTES}, and the head of a request {MAX_HEADERS} fields and {MAX_HEAD_BYTES} bytes"
    assert heads in API
    assert f"at most {MAX_WAITING}\nrequests of one connection" in API


def test_every_metric_in_the_catalogue_is_served_and_no_other(client: httpx.Client) -> None:
    client.get("/healthz").raise_for_status()
    served = {}
    for family in parse_text(client.get("/metrics").text):
        served[f"{family.name}_total" if family.type == "counter" else family.name] = family
    known = {metric.name: metric for metric in metric_catalogue.ALL}
    assert served.keys() == known.keys()
    for name, metric in known.items():
        family = served[name]
        assert (family.type, family.documentation) == (
            "gauge" if metric.kind == "info" else metric.kind,
            metric.meaning,
        )
        found = {label for sample in family.samples for label in sample.labels} - {"le"}
        assert found in (set(metric.labels), set()), f"{name} has other labels, or no sample yet"
        assert metric.unit
        assert metric.when_wrong


def test_every_call_that_needs_no_credential_is_in_the_document() -> None:
    _, _, access = API.partition("## Tokens, origins, request ids")
    sentence = access.strip().partition(". ")[0]
    named = set(re.findall(r"`(/[\w/.-]+)`", sentence))
    assert named == OPEN_ROUTES


def test_metrics_are_there_before_the_stream_is_open() -> None:
    names = {family.metric.name for family in Context(read_settings(Environment({}, DOCS))).metrics.families()}
    assert "trading_app_requests_refused_total" in names
    assert "trading_app_stream_head_sequence" not in names
