"""A metric's name, kind, unit, meaning, and what to do when it looks wrong. No I/O.

Each program declares all its metrics in one module. Its exposition and its page of metrics are made from that module.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, eq=False)
class Metric:
    """One metric, compared by identity.

    The name follows Prometheus' conventions; `unit` is for people. `meaning` is the HELP text and is on the page too,
    `more` and `when_wrong` are on the page only.
    """

    name: str
    kind: Literal["counter", "gauge", "histogram", "info"]
    unit: str
    labels: tuple[str, ...]
    meaning: str
    when_wrong: str
    more: str = ""


def metrics_in(namespace: Mapping[str, object]) -> tuple[Metric, ...]:
    """The metrics that a module defines, in source order; `namespace` is its `globals()`."""
    return tuple(value for value in list(namespace.values()) if isinstance(value, Metric))
