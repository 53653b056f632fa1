"""The queries of our dashboards and rules: taken from their files, filled in as Grafana does, and what they name."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[2]
DASHBOARDS = {
    path.name: json.loads(path.read_text()) for path in sorted((ROOT / "infra" / "grafana" / "dashboards").glob("*"))
}
RULES = [
    rule
    for path in sorted((ROOT / "infra" / "prometheus" / "rules").glob("*.yml"))
    for group in YAML(typ="safe").load(path)["groups"]
    for rule in group["rules"]
]

ALL = "All"  # the choice of every variable that has it
WORDS = {"and", "or", "unless", "bool", "offset", "by", "on", "without", "ignoring", "group_left", "group_right"}


@dataclass(frozen=True)
class PanelQuery:
    """One query of a panel."""

    dashboard: str
    panel: str
    expression: str
    instant: bool

    def __str__(self) -> str:
        return f"{self.dashboard}-{self.panel}-{self.expression[:60]}"


def panels(dashboard: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Without the rows' headings."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def panel_queries() -> list[PanelQuery]:
    return [
        PanelQuery(name.removesuffix(".json"), panel["title"], target["expr"], target["instant"])
        for name, dashboard in DASHBOARDS.items()
        for panel in panels(dashboard)
        for target in panel["targets"]
    ]


def filled_in(expression: str, rate_interval: str, chosen: Mapping[str, Sequence[str]] | None = None) -> str:
    """The query as Grafana sends it: variables are patterns, chosen values are escaped, All is what allValue says."""
    for name in ("job", "account", "strategy", "symbol"):
        values = (chosen or {}).get(name)
        pattern = ".+" if values is None else _pattern(values)
        expression = expression.replace(f"${name}", pattern)
    return expression.replace("$__rate_interval", rate_interval)


def _pattern(values: Sequence[str]) -> str:
    """Backslashes are doubled: the pattern stands in a string of PromQL."""
    escaped = [re.sub(r"[$^*{}\[\]'+?.()|]", r"\\\\\g<0>", value.replace("\\", r"\\\\")) for value in values]
    return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"


def metrics_named(expression: str) -> set[str]:
    """The metrics that a query reads."""
    bare = re.sub(r'"[^"]*"', "", expression)
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]", "", bare)
    bare = re.sub(r"\b(by|on|without|ignoring|group_left|group_right)\s*\([^)]*\)", "", bare)
    return set(re.findall(r"\b[a-zA-Z_:][a-zA-Z0-9_:]*\b(?!\s*\()", bare)) - WORDS
