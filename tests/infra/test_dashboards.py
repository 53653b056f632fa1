"""The dashboards: made by their module, and good by the rules of Grafana's dashboard-linter."""

import json
import re
from collections import Counter
from itertools import combinations
from typing import Any

import pytest

from infra.grafana import generate as made
from infra.grafana.panels import GRAFANA_VERSION
from tests.infra.queries import DASHBOARDS, ROOT, filled_in, metrics_named, panel_queries, panels

PANELS = [panel for dashboard in DASHBOARDS.values() for panel in panels(dashboard)]
each_dashboard = pytest.mark.parametrize("dashboard", DASHBOARDS.values(), ids=DASHBOARDS)


def test_the_files_are_what_the_module_makes() -> None:
    files = {path.name: path.read_text() for path in made.FOLDER.iterdir()}
    assert files == {name: made.text(dashboard) for name, dashboard in made.dashboards().items()}, (
        "run: .venv/bin/python -m infra.grafana.generate"
    )


def test_the_document_has_each_panel_in_a_line() -> None:
    written = made.DOCUMENT.read_text()
    assert written == made.document(written), "run: .venv/bin/python -m infra.grafana.generate"
    for dashboard in DASHBOARDS.values():
        assert all(f"\n| {panel['title']} | {panel['description']} |" in written for panel in panels(dashboard))


def test_names_and_identities_are_unique() -> None:
    assert len({dashboard["uid"] for dashboard in DASHBOARDS.values()}) == len(DASHBOARDS)
    assert len({dashboard["title"] for dashboard in DASHBOARDS.values()}) == len(DASHBOARDS)


@each_dashboard
def test_panels_have_ids_and_titles_of_their_own(dashboard: dict[str, Any]) -> None:
    ids = Counter(panel["id"] for panel in dashboard["panels"])
    titles = Counter(panel["title"] for panel in panels(dashboard))
    assert sorted(ids) == list(range(1, len(dashboard["panels"]) + 1))
    assert [title for title, times in titles.items() if times > 1] == []


@each_dashboard
def test_a_dashboard_is_classic_and_not_editable(dashboard: dict[str, Any]) -> None:
    assert (dashboard["schemaVersion"], dashboard["editable"], dashboard["id"]) == (42, False, None)
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,40}", dashboard["uid"])
    assert dashboard["description"]


@each_dashboard
def test_the_data_source_is_a_variable_that_starts_with_the_provisioned_one(dashboard: dict[str, Any]) -> None:
    first = dashboard["templating"]["list"][0]
    assert (first["type"], first["name"], first["label"], first["query"]) == (
        "datasource", "datasource", "Data source", "prometheus",
    )  # fmt: skip
    provisioned = (ROOT / "infra" / "grafana" / "provisioning" / "datasources" / "prometheus.yaml").read_text()
    assert f"uid: {first['current']['value']}\n" in provisioned


@each_dashboard
def test_variables_are_read_again_with_the_time_range_and_all_are_used(dashboard: dict[str, Any]) -> None:
    variables = dashboard["templating"]["list"]
    assert [
        variable["name"] for variable in variables if variable["type"] == "query" and variable["refresh"] != 2
    ] == []
    text = json.dumps([dashboard["panels"], dashboard["links"]])
    assert [variable["name"] for variable in variables if not re.search(rf"\${{?{variable['name']}\b", text)] == []


def test_the_overview_is_chosen_by_account_strategy_and_symbol() -> None:
    variables = DASHBOARDS["trading-overview.json"]["templating"]["list"]
    chosen = [variable["name"] for variable in variables if variable["multi"] and variable["includeAll"]]
    assert chosen == ["account", "strategy", "symbol"]


@each_dashboard
def test_it_links_to_the_other_dashboard_and_to_the_page(dashboard: dict[str, Any]) -> None:
    others = {f"/d/{other['uid']}" for other in DASHBOARDS.values()} - {f"/d/{dashboard['uid']}"}
    assert {link["url"] for link in dashboard["links"]} == others | {"http://${webapp}/"}


@each_dashboard
def test_restarts_are_marked(dashboard: dict[str, Any]) -> None:
    restarts = dashboard["annotations"]["list"][1]
    assert restarts["enable"]
    assert "process_start_time_seconds" in restarts["expr"]


@each_dashboard
def test_panels_lie_on_the_grid_and_not_on_each_other(dashboard: dict[str, Any]) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells


def test_a_panel_says_what_it_shows() -> None:
    for panel in PANELS:
        assert panel["title"], panel["title"]
        assert panel["description"].endswith("."), panel["title"]
        assert panel["targets"], panel["title"]
        assert all(target["expr"] and target["refId"] for target in panel["targets"]), panel["title"]
        assert panel["pluginVersion"] == GRAFANA_VERSION, panel["title"]


def test_a_panel_has_a_unit_and_thresholds_that_rise() -> None:
    for panel in PANELS:
        defaults = panel["fieldConfig"]["defaults"]
        assert panel["options"].get("yAxis", defaults)["unit"] in made.UNITS, panel["title"]
        values = [step["value"] for step in defaults["thresholds"]["steps"]]
        assert values[0] is None, panel["title"]
        assert all(low < high for low, high in combinations(values[1:], 2)), panel["title"]


def test_a_panel_asks_the_chosen_data_source() -> None:
    for panel in PANELS:
        sources = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]
        assert all(source == {"type": "prometheus", "uid": "${datasource}"} for source in sources), panel["title"]


def test_series_of_one_panel_have_different_names() -> None:
    for panel in PANELS:
        if panel["type"] != "table":
            legends = [target["legendFormat"] for target in panel["targets"]]
            assert all(legends), panel["title"]
            assert len(set(legends)) == len(legends), panel["title"]


def test_counters_are_read_as_rates_over_the_rate_interval() -> None:
    for query in panel_queries():
        ranges = re.findall(r"\[([^\]]*)\]", re.sub(r'"[^"]*"', "", query.expression))
        rates = re.findall(r"\b(?:rate|increase)\(", query.expression)
        assert ranges.count("$__rate_interval") == len(rates), query
        counters = [name for name in metrics_named(query.expression) if name.endswith(("_total", "_bucket", "_count"))]
        assert all(re.search(rf"\b(rate|increase)\({name}\b", query.expression) for name in counters), query


def test_chosen_values_are_escaped_as_grafana_does() -> None:
    query = 'm{symbol=~"$symbol", account=~"$account"}[$__rate_interval]'
    assert filled_in(query, "4s") == 'm{symbol=~".+", account=~".+"}[4s]'
    chosen = {"symbol": ["BRK.B"], "account": ["a", "b"]}
    assert filled_in(query, "4s", chosen) == r'm{symbol=~"BRK\\.B", account=~"(a|b)"}[4s]'
