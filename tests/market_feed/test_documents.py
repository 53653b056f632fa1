"""docs/feed-metrics.md says what the code says, and docs/market-data.schema.json what is journaled."""

import re
from pathlib import Path

from market_feed import __version__, metrics
from market_feed.metrics_document import page
from market_feed.problems import TYPES

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_of_metrics_is_up_to_date() -> None:
    assert (ROOT / "docs/feed-metrics.md").read_text() == page()


def test_names_follow_prometheus_conventions() -> None:
    assert len({metric.name for metric in metrics.ALL}) == len(metrics.ALL)
    for metric in metrics.ALL:
        assert re.fullmatch(r"(trading|process|python)_[a-z_]+", metric.name)
        assert metric.name.endswith("_total") is (metric.kind == "counter")
        assert metric.name.endswith("_info") is (metric.kind == "info")


def test_every_error_code_has_a_status_of_an_error_and_a_title() -> None:
    assert all(400 <= known.status < 600 and known.title for known in TYPES.values())


def test_the_version_is_the_packages() -> None:
    assert f'\nversion = "{__version__}"\n' in (ROOT / "market-feed/pyproject.toml").read_text()
