"""Writes docs/analytics-metrics.md from the catalogue of metrics.

`python -m trading_analytics.metrics_document > docs/analytics-metrics.md`
"""

from service_kit.metrics import process
from service_kit.metrics.catalogue import Metric
from service_kit.metrics.document import document
from trading_analytics import metrics

INTRODUCTION = """\
# Metrics of trading-analytics

`trading-analytics` serves these metrics at `GET /metrics` on port 8002, as Prometheus text 0.0.4 or OpenMetrics 1.0,
by the request's `Accept`. This page is made from `trading-analytics/src/trading_analytics/metrics.py` by
`.venv/bin/python -m trading_analytics.metrics_document > docs/analytics-metrics.md`; a test compares both.

They are served from the start, so that the progress of a rebuild shows. `/readyz` answers 503 (`code`
`not_caught_up`) until the history has all that the stream has, and says what is missing.
"""


def page() -> str:
    """The page."""
    return document(INTRODUCTION, metrics.ALL, _section)


def _section(metric: Metric) -> str:
    if metric in process.ALL:
        return "The process"
    sections = {"trading_history_": "The history", "trading_performance_": "Performance", "trading_market_": "Markets"}
    return next((title for prefix, title in sections.items() if metric.name.startswith(prefix)), "The program")


if __name__ == "__main__":
    print(page(), end="")
