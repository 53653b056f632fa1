"""Whatever names a metric names one that exists, and every metric is shown or left out for a reason."""

import re
from pathlib import Path

import pytest

from infra.grafana.generate import NOT_SHOWN
from tests.infra.live.conftest import TOKEN
from tests.infra.queries import DASHBOARDS, ROOT, RULES, metrics_named, panel_queries
from tests.support.apps import Apps
from tests.support.http import HTTP
from tests.support.polling import eventually

pytestmark = pytest.mark.long

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
OF_PROMETHEUS = {"up", "scrape_duration_seconds", "ALERTS"}
RECORDED = {rule["record"] for rule in RULES if "record" in rule}
PACKAGES = {path.name for path in ROOT.glob("*/src/*")} | {path.name for path in ROOT.glob("libs/*/src/*")}
ANNOTATIONS = [dashboard["annotations"]["list"][1]["expr"] for dashboard in DASHBOARDS.values()]


@pytest.fixture(scope="module")
def exported(apps: Apps) -> dict[str, str]:
    """Each metric of the apps and its kind, as Prometheus gets it. Those of the history come once it was first read."""

    def scrape(url: str) -> str:
        return HTTP.get(f"{url}/metrics", headers={"Accept": "text/plain", "Authorization": f"Bearer {TOKEN}"}).text

    eventually(lambda: "trading_performance_day_pnl" in scrape(apps.analytics_url))
    texts = [scrape(url) for url in (apps.web_url, apps.sidecar_url, apps.analytics_url, apps.feed_url)]
    return dict(re.findall(r"^# TYPE (\w+) (\w+)$", "\n".join(texts), re.MULTILINE))


@pytest.fixture(scope="module")
def series(exported: dict[str, str]) -> set[str]:
    """Every name a query may use for what the apps export."""
    histograms = {name for name, kind in exported.items() if kind == "histogram"}
    return exported.keys() - histograms | {name + part for name in histograms for part in ("_bucket", "_sum", "_count")}


def test_panels_name_metrics_that_exist(series: set[str]) -> None:
    for query in panel_queries():
        assert metrics_named(query.expression) - series - RECORDED - OF_PROMETHEUS == set(), query


def test_rules_name_metrics_that_exist(series: set[str]) -> None:
    for rule in RULES:
        assert metrics_named(rule["expr"]) - series - RECORDED - OF_PROMETHEUS == set(), rule


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_a_document_names_metrics_that_exist(document: Path, series: set[str], exported: dict[str, str]) -> None:
    """What begins as our metrics do and is no package, with a call's, a module's or a path's punctuation around it."""
    words = re.findall(r"(?<![\w./-])(?:trading|process|python)_[a-z_]+[a-z](?![\w./(*-])", document.read_text())
    assert set(words) - series - exported.keys() - PACKAGES == set()


def test_every_metric_is_shown_or_left_out_for_a_reason(exported: dict[str, str]) -> None:
    used = {rule["record"]: rule["expr"] for rule in RULES if "record" in rule}
    expressions = [query.expression for query in panel_queries()] + ANNOTATIONS
    shown: set[str] = set()
    while expressions:
        names = metrics_named(expressions.pop())
        expressions += [used.pop(name) for name in names if name in used]
        shown |= {re.sub(r"_(bucket|sum|count)$", "", name) for name in names} | names
    assert sorted(exported.keys() - shown - NOT_SHOWN.keys()) == [], "put it on a panel or into NOT_SHOWN"
    assert sorted(NOT_SHOWN.keys() & shown) == []
    assert sorted(NOT_SHOWN.keys() - exported.keys()) == []


def test_what_is_not_shown_stands_in_the_document_with_the_reason() -> None:
    document = (ROOT / "docs" / "dashboards.md").read_text()
    assert [name for name, reason in NOT_SHOWN.items() if f"| `{name}` | {reason} |" not in document] == []
