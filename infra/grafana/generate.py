"""Our dashboards as Grafana reads them. `python -m infra.grafana.generate` writes the JSON files and the tables of
docs/dashboards.md; a test holds that both are what this module makes.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from infra.grafana import market, market_feed, performance, pipeline, trading_overview
from infra.grafana.panels import DATASOURCE, Json

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "infra" / "grafana" / "dashboards"
DOCUMENT = ROOT / "docs" / "dashboards.md"

DATASOURCE_UID = "trading-telemetry-prometheus"  # that of provisioning/datasources/prometheus.yaml
SCHEMA_VERSION = 42
COLUMNS = 24  # of Grafana's grid

NOT_SHOWN = {
    "process_virtual_memory_bytes": "address space says nothing about use; a panel shows the resident memory",
    "trading_app_recovered": "it describes the last start: the alert UncleanEnd shows it",
    "trading_app_stream_failed": "the app ends at once: the alert StreamFailed and the line of a restart show it",
    "python_info": "the table What is running has the version of Python",
    "trading_app_symbols_differing_in_case": "the log names both symbols; this one says that there are some",
    "trading_app_hook_messages_total": "panels show all trades; this one says what becomes of the messages of a hook",
    "trading_app_hook_unread_messages": "the alert HookMessagesUnread names the hook",
    "trading_app_hook_waiting_messages": "the alert HookMessagesWaiting names the hook",
    "trading_app_hooks_file_refused": "the alert HooksFileRefused says it",
    "trading_app_sidecar_polls_total": "the live page says when the sidecar does not answer",
    "trading_stream_replay_requests_total": "panels show catch-ups and gaps; this one helps to find their cause",
    "trading_history_progress_ratio": "a panel shows the events that are missing; this one shows how a rebuild goes",
    "trading_history_caught_up": "a panel shows the events that are missing; an alert reads this one",
    "trading_history_events": "a panel shows the size; this one counts what a check would list",
    "trading_analytics_requests_total": "only Prometheus and health checks ask trading-analytics",
    "trading_analytics_connections": "only Prometheus and health checks ask trading-analytics",
    "trading_analytics_connections_limit": "only Prometheus and health checks ask trading-analytics",
    "trading_feed_head_sequence": "readers of the market stream compare their position with it",
    "trading_feed_outside_trades_total": "the schedule leaves them out; this one shows by how much around a window",
    "trading_feed_window_change_timestamp_seconds": "market-feed schedule --next 5 prints the openings",
    "trading_feed_requests_total": "only Prometheus and health checks ask market-feed",
    "trading_feed_client_connections": "only Prometheus and health checks ask market-feed",
    "trading_feed_client_connections_limit": "only Prometheus and health checks ask market-feed",
    "trading_mark_timestamp_seconds": "a panel shows the price; the alert MarkStale fires when it is old",
    "trading_mark_stale": "the alert MarkStale shows it",
    "trading_market_stream_caught_up": "the alert MarkStale shows what follows from it",
    "trading_stream_redials_total": "panels show whether the sidecar has caught up; this one helps to find the cause",
    "trading_corrected_volume_total": "a panel shows the corrected trades; this one gives the right volume",
    "trading_corrected_notional_total": "a panel shows the corrected trades; this one gives the right notional",
    "trading_position_recomputing": "a panel shows how many positions are being recomputed; this one says which",
}
"""Exported metrics without a panel, each with the reason."""

UNITS = {
    "bytes": "bytes",
    "cps": "per second",
    "locale": "amount",
    "none": "count",
    "percentunit": "share",
    "reqps": "requests per second",
    "s": "seconds",
}
"""The units of the panels: Grafana's name, and the words in the document."""

ALL = (trading_overview, performance, market, pipeline, market_feed)


def dashboards() -> dict[str, Json]:
    """Every dashboard by the name of its file."""
    of_job, of_account = 'job=~"$job"', 'job=~"$job", account=~"$account"'
    keys = [
        _ledger_variable(),
        _label_variable("account", "Account", f"trading_trades_total{{{of_job}}}"),
        _label_variable("strategy", "Strategy", f"trading_trades_total{{{of_account}}}"),
        _label_variable("symbol", "Symbol", f'trading_trades_total{{{of_account}, strategy=~"$strategy"}}'),
    ]
    return {
        "trading-overview.json": _dashboard(trading_overview, keys),
        "pipeline.json": _dashboard(pipeline, []),
        "performance.json": _dashboard(performance, []),
        "market.json": _dashboard(market, []),
        "market-feed.json": _dashboard(market_feed, []),
    }


def panels(dashboard: Json) -> list[Json]:
    """The panels that show something, without the rows' headings."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def _dashboard(about: ModuleType, variables: list[Json]) -> Json:
    others = [one for one in ALL if one is not about]
    return {
        "annotations": {"list": [_dashboard_annotations(), _restarts()]},
        "description": about.DESCRIPTION,
        "editable": False,
        "fiscalYearStartMonth": 0,
        "graphTooltip": 1,
        "id": None,
        "links": [
            *(
                _link(one.TITLE, f"/d/{one.UID}", "That dashboard, at the same time range.", keep=True)
                for one in others
            ),
            _link("Live page", "http://${webapp}/", "The web app's own page.", keep=False),
        ],
        "panels": list(_placed(about.ROWS)),
        "preload": False,
        "refresh": "5s",
        "schemaVersion": SCHEMA_VERSION,
        "tags": ["trading-telemetry"],
        "templating": {"list": [_datasource_variable(), *variables, _web_app_variable()]},
        "time": {"from": "now-15m", "to": "now"},
        "timepicker": {"refresh_intervals": ["1s", "5s", "15s", "1m", "5m"]},
        "timezone": "browser",
        "title": about.TITLE,
        "uid": about.UID,
        "version": 1,
    }


def _placed(rows: dict[str, list[Json]]) -> Iterator[Json]:
    """Headings and panels from left to right and from top to bottom, numbered from 1."""
    number, top = 1, 0
    for title, content in rows.items():
        yield _heading(title, number, top)
        number, top, left, height = number + 1, top + 1, 0, 0
        for panel in content:
            size = panel["gridPos"]
            if left + size["w"] > COLUMNS:
                top, left, height = top + height, 0, 0
            yield panel | {"id": number, "gridPos": size | {"x": left, "y": top}}
            number, left, height = number + 1, left + size["w"], max(height, size["h"])
        top += height


def _heading(title: str, number: int, top: int) -> Json:
    place = {"h": 1, "w": COLUMNS, "x": 0, "y": top}
    return {"collapsed": False, "gridPos": place, "id": number, "panels": [], "title": title, "type": "row"}


def _datasource_variable() -> Json:
    return {
        "current": {"text": "Prometheus", "value": DATASOURCE_UID},
        "hide": 0,
        "includeAll": False,
        "label": "Data source",
        "multi": False,
        "name": "datasource",
        "options": [],
        "query": "prometheus",
        "refresh": 1,
        "regex": "",
        "type": "datasource",
    }


def _label_variable(label: str, title: str, series: str) -> Json:
    """A choice of the label's values. All is a pattern and not a list: there may be thousands."""
    variable = _query_variable(label, title, f"label_values({series}, {label})")
    return variable | {
        "allValue": ".+",
        "current": {"text": ["All"], "value": ["$__all"]},
        "includeAll": True,
        "multi": True,
    }


def _ledger_variable() -> Json:
    """Whose figures: those of the sidecar, or of the demonstration's."""
    variable = _query_variable("job", "Ledger", "label_values(trading_positions, job)")
    return variable | {"current": {"text": "metrics-sidecar", "value": "metrics-sidecar"}}


def _web_app_variable() -> Json:
    """Where the page is, for the link to it: the target's instance label is the address on this machine."""
    variable = _query_variable("webapp", "Web app", 'label_values(up{job="trading-app"}, instance)')
    return variable | {"current": {"text": "127.0.0.1:8000", "value": "127.0.0.1:8000"}, "hide": 2}


def _query_variable(name: str, title: str, query: str) -> Json:
    return {
        "datasource": DATASOURCE,
        "definition": query,
        "hide": 0,
        "includeAll": False,
        "label": title,
        "multi": False,
        "name": name,
        "options": [],
        "query": {"qryType": 1, "query": query, "refId": "PrometheusVariableQueryEditor-VariableQuery"},
        "refresh": 2,
        "regex": "",
        "sort": 1,
        "type": "query",
    }


def _dashboard_annotations() -> Json:
    """Grafana's own, which every dashboard has."""
    return {
        "builtIn": 1,
        "datasource": {"type": "grafana", "uid": "-- Grafana --"},
        "enable": True,
        "hide": True,
        "iconColor": "rgba(0, 211, 255, 1)",
        "name": "Annotations & Alerts",
        "type": "dashboard",
    }


def _restarts() -> Json:
    """A line where a process began. The value is the time: the line is exact, however far apart the scrapes are."""
    return {
        "datasource": DATASOURCE,
        "enable": True,
        "expr": 'process_start_time_seconds{job=~"trading-app|metrics-sidecar|trading-analytics|market-feed"} * 1000',
        "hide": False,
        "iconColor": "purple",
        "name": "Restarts",
        "tagKeys": "job",
        "textFormat": "{{job}} started",
        "titleFormat": "Start",
        "useValueForTime": "on",
    }


def _link(title: str, url: str, tooltip: str, *, keep: bool) -> Json:
    return {
        "asDropdown": False,
        "icon": "dashboard" if keep else "external link",
        "includeVars": keep,
        "keepTime": keep,
        "tags": [],
        "targetBlank": not keep,
        "title": title,
        "tooltip": tooltip,
        "type": "link",
        "url": url,
    }


def text(dashboard: Json) -> str:
    """The dashboard's file."""
    return json.dumps(dashboard, indent=2, ensure_ascii=False) + "\n"


def document(written: str) -> str:
    """docs/dashboards.md with its tables rewritten, each between two comments with the dashboard's uid."""
    for dashboard in dashboards().values():
        start, end = f"<!-- {dashboard['uid']} -->\n", f"<!-- /{dashboard['uid']} -->"
        before, _, rest = written.partition(start)
        written = before + start + _panel_table(dashboard) + end + rest.partition(end)[2]
    return written


def _panel_table(dashboard: Json) -> str:
    lines = ["| panel | what it shows | unit |", "|---|---|---|"]
    for panel in dashboard["panels"]:
        if panel["type"] == "row":
            lines.append(f"| **{panel['title']}** | | |")
        else:
            unit = panel["options"].get("yAxis", panel["fieldConfig"]["defaults"])["unit"]
            lines.append(f"| {panel['title']} | {panel['description']} | {UNITS[unit]} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    for name, dashboard in dashboards().items():
        (FOLDER / name).write_text(text(dashboard), encoding="utf-8")
    DOCUMENT.write_text(document(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
