"""How our panels look: the few kinds there are, in one style. Plain data, in Grafana's classic dashboard JSON.

Field names are Grafana's own; https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model
describes them.
"""

import string
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

Json = dict[str, Any]

GRAFANA_VERSION = "12.4.11"  # that of infra/compose.yaml; Grafana migrates panels that name an older one
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}

# Everybody can distinguish blue and orange; not everybody can distinguish red and green.
GOOD, NOTICE, BAD, NEUTRAL = "blue", "yellow", "orange", "text"

Steps = Sequence[tuple[float | None, str]]
"""Colours from a value on, in rising order; the first is from None, minus infinity."""

PLAIN: Steps = ((None, NEUTRAL),)
SIGNED: Steps = ((None, BAD), (0, GOOD))
NONE_IS_GOOD: Steps = ((None, GOOD), (1, BAD))
ONE_IS_GOOD: Steps = ((None, BAD), (1, GOOD))


def up_to(notice: float, bad: float) -> Steps:
    """Good up to `notice`, bad from `bad` on."""
    return ((None, GOOD), (notice, NOTICE), (bad, BAD))


@dataclass(frozen=True)
class Query:
    """One PromQL query, and how the legend names each series that comes back."""

    expression: str
    legend: str = ""
    instant: bool = False
    layout: str = "time_series"

    def target(self, reference: str) -> Json:
        """The query as a panel holds it."""
        return {
            "datasource": DATASOURCE,
            "editorMode": "code",
            "expr": self.expression,
            "format": self.layout,
            "instant": self.instant,
            "legendFormat": self.legend,
            "range": not self.instant,
            "refId": reference,
        }


def rate(counter: str) -> str:
    """PromQL of what a counter adds per second."""
    return f"rate({counter}[$__rate_interval])"


def increase(counter: str) -> str:
    """PromQL of what a counter adds in one step of the graph."""
    return f"increase({counter}[$__rate_interval])"


def stat(
    title: str, description: str, unit: str, *queries: Query, width: int = 4, steps: Steps = PLAIN,
    words: dict[str, str] | None = None,
) -> Json:  # fmt: skip
    """A number that is read at a glance. `words` says in words what a value means.

    The query is for the present instant: for an app that is down it shows nothing, instead of the last value.
    """
    options = {
        "colorMode": "value",
        "graphMode": "none",
        "justifyMode": "auto",
        "orientation": "auto",
        "percentChangeColorMode": "standard",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "showPercentChange": False,
        "textMode": "auto",
        "wideLayout": True,
    }
    fields = _fields(unit, steps) | {"noValue": "not known"}
    if words:
        fields["mappings"] = [{"type": "value", "options": {key: {"text": text} for key, text in words.items()}}]
    now = [replace(query, instant=True) for query in queries]
    return _panel("stat", title, description, now, options, fields, width, height=5)


def time_series(
    title: str, description: str, unit: str, *queries: Query, width: int = 8, steps: Steps = PLAIN,
    logarithmic: bool = False, sides: bool = False, minimum: float | None = None,
) -> Json:  # fmt: skip
    """Lines over time. `sides` gives buy and sell their colours; `steps` past the first are drawn as lines."""
    fields = _fields(unit, steps) | {"color": {"mode": "palette-classic"}}
    if minimum is not None:
        fields["min"] = minimum
    fields["custom"] = {
        "axisPlacement": "auto",
        "drawStyle": "line",
        "fillOpacity": 8,
        "gradientMode": "none",
        "lineInterpolation": "linear",
        "lineWidth": 1,
        "scaleDistribution": {"type": "log", "log": 10} if logarithmic else {"type": "linear"},
        "showPoints": "never",
        "spanNulls": False,
        "stacking": {"group": "A", "mode": "none"},
        "thresholdsStyle": {"mode": "dashed" if len(steps) > 1 else "off"},
    }
    options = {
        "legend": {
            "calcs": ["lastNotNull", "max"],
            "displayMode": "table",
            "placement": "bottom",
            "showLegend": True,
            "sortBy": "Max",
            "sortDesc": True,
        },
        "tooltip": {"hideZeros": False, "mode": "multi", "sort": "desc"},
    }
    overrides = [_colour(f"/^{side}/", colour) for side, colour in (("buy", GOOD), ("sell", BAD)) if sides]
    return _panel("timeseries", title, description, queries, options, fields, width, overrides=overrides)


def heatmap(title: str, description: str, unit: str, query: Query) -> Json:
    """A histogram's buckets over time: the darker, the more. The query gives one series for each `le`."""
    options = {
        "calculate": False,
        "cellGap": 1,
        "color": {
            "exponent": 0.5, "fill": "dark-orange", "mode": "scheme", "reverse": False, "scale": "exponential",
            "scheme": "Blues", "steps": 64,
        },
        "exemplars": {"color": "rgba(255,0,255,0.7)"},
        "filterValues": {"le": 1e-9},
        "legend": {"show": True},
        "rowsFrame": {"layout": "auto"},
        "showValue": "never",
        "tooltip": {"mode": "single", "showColorScale": False, "yHistogram": False},
        "yAxis": {"axisPlacement": "left", "reverse": False, "unit": unit},
    }  # fmt: skip
    return _panel("heatmap", title, description, [query], options, _fields("none", PLAIN), 8)


def table(
    title: str, description: str, unit: str, columns: dict[str, str], *queries: Query, width: int = 24,
    units: dict[str, str] | None = None,
) -> Json:  # fmt: skip
    """Rows joined over all labels that the queries share.

    `columns` gives the labels and `Value #A`, `Value #B`, … (the queries in order) their headings; what is not in it
    is left out. `units` are those of headings that differ from `unit`.
    """
    organize = {
        "excludeByName": {},
        "includeByName": dict.fromkeys(columns, True),
        "indexByName": {name: position for position, name in enumerate(columns)},
        "renameByName": columns,
    }
    fields = _fields(unit, PLAIN)
    fields["custom"] = {"align": "auto", "cellOptions": {"type": "auto"}, "filterable": True, "inspect": False}
    options = {"cellHeight": "sm", "enablePagination": True, "frameIndex": 0, "showHeader": True}
    overrides = [
        {"matcher": {"id": "byName", "options": heading}, "properties": [{"id": "unit", "value": own}]}
        for heading, own in (units or {}).items()
    ]
    panel = _panel("table", title, description, queries, options, fields, width, overrides=overrides)
    panel["transformations"] = [{"id": "merge", "options": {}}, {"id": "organize", "options": organize}]
    return panel


def _panel(
    kind: str, title: str, description: str, queries: Sequence[Query], options: Json, fields: Json, width: int,
    *, height: int = 9, overrides: Sequence[Json] = (),
) -> Json:  # fmt: skip
    """What all kinds have in common; its place on the page is given later."""
    return {
        "datasource": DATASOURCE,
        "description": description,
        "fieldConfig": {"defaults": fields, "overrides": list(overrides)},
        "gridPos": {"h": height, "w": width, "x": 0, "y": 0},
        "id": 0,
        "options": options,
        "pluginVersion": GRAFANA_VERSION,
        "targets": [query.target(name) for name, query in zip(string.ascii_uppercase, queries, strict=False)],
        "title": title,
        "type": kind,
    }


def _fields(unit: str, steps: Steps) -> Json:
    return {
        "color": {"mode": "thresholds"},
        "mappings": [],
        "thresholds": {"mode": "absolute", "steps": [{"color": colour, "value": value} for value, colour in steps]},
        "unit": unit,
    }


def _colour(pattern: str, colour: str) -> Json:
    fixed = {"fixedColor": colour, "mode": "fixed"}
    return {"matcher": {"id": "byRegexp", "options": pattern}, "properties": [{"id": "color", "value": fixed}]}
