"""What a metric is called, what it means, and what to do when it looks wrong. No I/O.

Each program has one module with all its metrics. The exposition takes name, kind and meaning from there, and the
program's page of metrics is made from it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, eq=False)
class Metric:
    """One metric, equal to itself only.

    The name follows Prometheus' conventions; `unit` is for people. `meaning` is the HELP text and the page's, `more`
    stands on the page only.
    """

    name: str
    kind: Literal["counter", "gauge", "histogram", "info"]
    unit: str
    labels: tuple[str, ...]
    meaning: str
    when_wrong: str
    more: str = ""


def metrics_in(namespace: Mapping[str, object]) -> tuple[Metric, ...]:
    """The metrics that a module defines, in its order; `namespace` is its `globals()`."""
    return tuple(value for value in list(namespace.values()) if isinstance(value, Metric))
