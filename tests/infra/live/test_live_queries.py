"""Every query against a real Prometheus that scrapes the real apps under load: each gives data."""

import math
import re
import time
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from infra.grafana.trading_overview import EXPOSURE
from tests.infra.prometheus import Prometheus, needs_prometheus
from tests.infra.queries import DASHBOARDS, RULES, PanelQuery, filled_in, panel_queries
from tests.support.polling import eventually

pytestmark = [pytest.mark.long, needs_prometheus]

RATE_INTERVAL = "4s"  # what Grafana makes of a scrape each second
CHOSEN = {
    "account": ["demo", "hedge", "marked"],
    "strategy": ["market-maker", "trend-follower", "grid"],
    "symbol": ["BTC/USDT", "ETH/USDT", "SOL/USDT", "QQM/USDT"],
}


def figures(prometheus: Prometheus, expression: str, instant: bool) -> list[float]:
    """The numbers that a panel would show of the last seconds."""
    if instant:
        return [float(series["value"][1]) for series in prometheus.instant(expression)]
    series = prometheus.range(expression, time.time() - 10, time.time())
    return [float(value) for one in series for _, value in one["values"] if not math.isnan(float(value))]


QUERIES = [(query, None) for query in panel_queries()] + [
    (query, CHOSEN)
    for query in panel_queries()
    if filled_in(query.expression, "", CHOSEN) != filled_in(query.expression, "")
]


@pytest.mark.parametrize(
    ("query", "chosen"), QUERIES, ids=lambda part: "chosen" if part is CHOSEN else str(part or "all")
)
def test_a_panels_query_gives_data(prometheus: Prometheus, query: PanelQuery, chosen: Any) -> None:
    expression = filled_in(query.expression, RATE_INTERVAL, chosen)
    assert eventually(lambda: figures(prometheus, expression, query.instant), what=f"data for {expression}")


@pytest.fixture(scope="module")
def both_known(prometheus: Prometheus) -> datetime:
    """When both apps had been scraped."""
    eventually(lambda: figures(prometheus, "sum(up)", instant=True) == [4.0], what="all apps scraped")
    return datetime.now(UTC)


def test_each_rule_is_evaluated_without_an_error(prometheus: Prometheus, both_known: datetime) -> None:
    def evaluated() -> Any:
        rules = [rule for group in prometheus.ask("rules")["groups"] for rule in group["rules"]]
        # While the programs start, some are pending.
        quiet = all(rule.get("state", "inactive") == "inactive" for rule in rules)
        late = all(datetime.fromisoformat(rule["lastEvaluation"]) > both_known for rule in rules)
        return quiet and late and rules

    rules = eventually(evaluated, what="each rule evaluated and inactive")
    assert sorted(rule["name"] for rule in rules) == sorted(rule.get("record") or rule["alert"] for rule in RULES)
    assert {rule["name"]: rule.get("lastError") for rule in rules if rule["health"] != "ok"} == {}


@pytest.mark.parametrize("dashboard", DASHBOARDS.values(), ids=DASHBOARDS)
def test_variables_offer_values(prometheus: Prometheus, dashboard: Any) -> None:
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            asked = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"])
            assert asked
            offered = partial(prometheus.label_values, asked[2], filled_in(asked[1], RATE_INTERVAL))
            assert eventually(offered, what=variable["name"])


@pytest.mark.usefixtures("both_known")
def test_the_link_to_the_page_leads_there(prometheus: Prometheus, apps: Any) -> None:
    (address,) = prometheus.label_values("instance", 'up{job="trading-app"}')
    assert f"http://{address}" == apps.web_url


@pytest.mark.usefixtures("both_known")
def test_restarts_are_marked_at_the_second(prometheus: Prometheus) -> None:
    restarts = DASHBOARDS["pipeline.json"]["annotations"]["list"][1]["expr"]
    starts = [float(series["value"][1]) / 1000 for series in prometheus.instant(restarts)]
    assert len(starts) == 4
    assert all(time.time() - 3_600 < start < time.time() for start in starts)


def test_development_is_scraped_every_second(prometheus: Prometheus) -> None:
    targets = prometheus.ask("targets")["activeTargets"]
    assert {target["scrapePool"]: target["scrapeInterval"] for target in targets} == {
        "trading-app": "1s",
        "metrics-sidecar": "1s",
        "trading-analytics": "1s",
        "market-feed": "1s",
    }


def test_no_scrape_fails(prometheus: Prometheus) -> None:
    """For ten seconds in a row: one may fail at a moment when its program gets no CPU time."""
    query = "min(min_over_time(up[10s]))"
    eventually(lambda: figures(prometheus, query, instant=True) == [1.0], what="ten seconds of scrapes")


CONTRACTS = {"QQZ/USDT:USDT": -0.6, "QQI/USD:BTC": 15.0, "QQC-PERP": 150.0, "QQM/USDT": 300.0}


@pytest.mark.parametrize(("symbol", "worth"), CONTRACTS.items())
def test_exposure_has_the_multiplier_of_the_contract(prometheus: Prometheus, symbol: str, worth: float) -> None:
    """Also of an inverse one, whose worth is quantity × multiplier / price."""
    expression = f"sum by (symbol) ({filled_in(EXPOSURE, RATE_INTERVAL, {'symbol': [symbol]})})"
    eventually(lambda: figures(prometheus, expression, instant=True) == [worth], what=f"an exposure of {worth}")
