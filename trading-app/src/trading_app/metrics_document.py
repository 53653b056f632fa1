"""Writes docs/app-metrics.md from the catalogue: `python -m trading_app.metrics_document > docs/app-metrics.md`."""

from service_kit.metrics.catalogue import Metric
from service_kit.metrics.document import document
from trading_app import metric_catalogue

INTRODUCTION = """\
# The web app's own metrics

The web app's metrics of itself, served at `GET /metrics` as Prometheus text 0.0.4 or OpenMetrics 1.0, depending on the
request's `Accept`. The [sidecar](metrics.md) serves the trading figures (positions, P&L, volumes). All counters start
at 0 with the process. `.venv/bin/python -m trading_app.metrics_document > docs/app-metrics.md` generates this page from
`trading-app/src/trading_app/metric_catalogue.py`; a test compares both.
"""


def page() -> str:
    """The page."""
    return document(INTRODUCTION, metric_catalogue.ALL, _section)


def _section(metric: Metric) -> str:
    return "The app" if metric.name.startswith("trading_app_") else "The process"


if __name__ == "__main__":
    print(page(), end="")
