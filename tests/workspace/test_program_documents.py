"""Each program's page of metrics says what the code says, and names follow the conventions."""

import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]

PAGES = {
    "trading-app": ("app-metrics.md", "trading_app.metric_catalogue", "trading_app.metrics_document"),
    "metrics-sidecar": ("metrics.md", "metrics_sidecar.metrics", "metrics_sidecar.exposition.metrics_document"),
    "trading-analytics": ("analytics-metrics.md", "trading_analytics.metrics", "trading_analytics.metrics_document"),
    "market-feed": ("feed-metrics.md", "market_feed.metrics", "market_feed.metrics_document"),
}
"""By program: its page in docs/, the module of its catalogue, and the one that makes the page."""


def module_of(program: str, name: str = "") -> Any:
    return import_module(program.replace("-", "_") + name)


@pytest.mark.parametrize("program", PAGES)
def test_the_page_of_metrics_is_up_to_date(program: str) -> None:
    page, _, maker = PAGES[program]
    assert (ROOT / "docs" / page).read_text() == import_module(maker).page()


@pytest.mark.parametrize("program", PAGES)
def test_names_of_metrics_follow_prometheus_conventions(program: str) -> None:
    metrics = import_module(PAGES[program][1]).ALL
    own = "trading_app" if program == "trading-app" else "trading"
    assert len({metric.name for metric in metrics}) == len(metrics)
    for metric in metrics:
        assert re.fullmatch(rf"({own}|process|python)_[a-z_]+", metric.name)
        assert metric.name.endswith("_total") is (metric.kind == "counter")
        assert metric.name.endswith("_info") is (metric.kind == "info")
        assert not set(metric.meaning) & set('\\"\n`'), "would have to be escaped, or is for the page only"


@pytest.mark.parametrize("program", PAGES)
def test_every_error_code_has_a_status_of_an_error_and_a_title(program: str) -> None:
    assert all(400 <= known.status < 600 and known.title for known in module_of(program, ".problems").TYPES.values())


@pytest.mark.parametrize("program", [name for name in PAGES if name != "trading-app"])  # it asks its installed package
def test_the_version_is_the_packages(program: str) -> None:
    assert f'\nversion = "{module_of(program).__version__}"\n' in (ROOT / program / "pyproject.toml").read_text()
