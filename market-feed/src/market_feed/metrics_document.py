"""Writes docs/feed-metrics.md from the catalogue of metrics.

`python -m market_feed.metrics_document > docs/feed-metrics.md`
"""

from market_feed import metrics
from service_kit.metrics import process
from service_kit.metrics.catalogue import Metric
from service_kit.metrics.document import document

INTRODUCTION = """\
# Metrics of market-feed

`market-feed` serves these metrics at `GET /metrics` on port 8003, as Prometheus text 0.0.4 or OpenMetrics 1.0,
by the request's `Accept`. This page is made from `market-feed/src/market_feed/metrics.py` by
`.venv/bin/python -m market_feed.metrics_document > docs/feed-metrics.md`; a test compares both.

Every label of every market is there from the start, with 0. `/readyz` answers 503 (`code` `not_connected`) until each
venue is connected, and says what is missing.
"""


def page() -> str:
    """The page."""
    return document(INTRODUCTION, metrics.ALL, _section)


def _section(metric: Metric) -> str:
    if metric in process.ALL:
        return "The process"
    if metric.labels[:2] == metrics.MARKET:
        return "The markets"
    return "The venues" if metric.labels[:1] == ("venue",) else "The program"


if __name__ == "__main__":
    print(page(), end="")
