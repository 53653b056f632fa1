"""Metrics as Prometheus text 0.0.4 or OpenMetrics 1.0. No I/O."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import accumulate

from service_kit.metrics.catalogue import Metric
from service_kit.metrics.histogram import BOUNDS_SECONDS

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

Value = int | float | str
"""A sample's value. A string holds a number with more digits than a float has."""

Sample = tuple[str, Value]
"""Formatted labels and the value."""


@dataclass(frozen=True, slots=True)
class Family:
    """A metric with its samples. Those of a histogram have `_bucket`, `_sum` or `_count` before their labels."""

    metric: Metric
    samples: Iterable[Sample]


def escape(value: str) -> str:
    """A label value, escaped as both formats require."""
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def labelled(labels: Mapping[str, str]) -> str:
    """Labels in braces, as they appear between a name and a value."""
    return "{" + ",".join(f'{name}="{escape(value)}"' for name, value in labels.items()) + "}"


@lru_cache(maxsize=1_024)
def labels_of(**labels: str) -> str:
    """Labels in braces from keyword arguments, cached: for the few labels that are the same at every scrape."""
    return labelled(labels)


def by_label(name: str, counts: Mapping[str, Value]) -> list[Sample]:
    """One sample for each value of a label."""
    return [(labels_of(**{name: value}), count) for value, count in counts.items()]


@cache
def header(metric: Metric, openmetrics: bool) -> str:
    """The HELP and TYPE lines. OpenMetrics names counters without `_total` and has the kind `info`."""
    name, kind = metric.name, metric.kind
    if openmetrics and kind == "counter":
        name = name.removesuffix("_total")
    elif openmetrics and kind == "info":
        name = name.removesuffix("_info")
    elif kind == "info":
        kind = "gauge"
    return f"# HELP {name} {metric.meaning}\n# TYPE {name} {kind}\n"


def render_family(family: Family, openmetrics: bool) -> str:
    """One metric with all its samples."""
    return header(family.metric, openmetrics) + sample_lines(family)


def sample_lines(family: Family) -> str:
    """The samples of one metric, without its header."""
    name = family.metric.name
    return "".join([f"{name}{labels} {value}\n" for labels, value in family.samples])


def render(families: Iterable[Family], openmetrics: bool) -> bytes:
    """A whole exposition."""
    text = "".join([render_family(family, openmetrics) for family in families])
    return f"{text}# EOF\n".encode() if openmetrics else text.encode()


def histogram_samples(counts: Iterable[int], total: Value, **labels: str) -> Iterator[Sample]:
    """Cumulative buckets by BOUNDS_SECONDS, count and sum; `total` is in seconds."""
    buckets, rest = _suffixes(tuple(labels.items()))
    cumulative = list(accumulate(counts))
    yield from zip(buckets, cumulative, strict=True)
    yield f"_count{rest}", cumulative[-1]
    yield f"_sum{rest}", total


@lru_cache(maxsize=256)
def _suffixes(labels: tuple[tuple[str, str], ...]) -> tuple[list[str], str]:
    buckets = [f"_bucket{labelled({**dict(labels), 'le': str(bound)})}" for bound in (*BOUNDS_SECONDS, "+Inf")]
    return buckets, labelled(dict(labels)) if labels else ""
