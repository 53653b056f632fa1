"""docs/analytics-metrics.md says what the code says."""

import re
from pathlib import Path

from trading_analytics import __version__, metrics
from trading_analytics.metrics_document import page
from trading_analytics.problems import TYPES

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_of_metrics_is_up_to_date() -> None:
    assert (ROOT / "docs/analytics-metrics.md").read_text() == page()


def test_names_follow_prometheus_conventions() -> None:
    assert len({metric.name for metric in metrics.ALL}) == len(metrics.ALL)
    for metric in metrics.ALL:
        assert re.fullmatch(r"(trading|process|python)_[a-z_]+", metric.name)
        assert metric.name.endswith("_total") is (metric.kind == "counter")
        assert metric.name.endswith("_info") is (metric.kind == "info")


def test_every_error_code_has_a_status_of_an_error_and_a_title() -> None:
    assert all(400 <= known.status < 600 and known.title for known in TYPES.values())


def test_the_version_is_the_packages() -> None:
    text = (ROOT / "trading-analytics/pyproject.toml").read_text()
    assert f'\nversion = "{__version__}"\n' in text
