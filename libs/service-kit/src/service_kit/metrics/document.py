"""A Markdown page of metrics, made from a catalogue. No I/O."""

from collections.abc import Callable, Iterable

from service_kit.metrics.catalogue import Metric

_HEAD = ("| metric | kind | labels | unit | meaning | when it looks wrong |", "|---|---|---|---|---|---|")


def document(introduction: str, metrics: Iterable[Metric], section_of: Callable[[Metric], str]) -> str:
    """The page: the introduction, and a table for each section, in the order in which the sections first appear."""
    sections: dict[str, list[Metric]] = {}
    for metric in metrics:
        sections.setdefault(section_of(metric), []).append(metric)
    return "\n".join([introduction, *(_table(title, listed) for title, listed in sections.items())])


def _table(title: str, listed: Iterable[Metric]) -> str:
    return "\n".join([f"## {title}", *_HEAD, *map(_row, listed)]) + "\n"


def _row(metric: Metric) -> str:
    labels = ", ".join(f"`{label}`" for label in metric.labels) or "–"
    meaning = f"{metric.meaning} {metric.more}".strip()
    return f"| `{metric.name}` | {metric.kind} | {labels} | {metric.unit} | {meaning} | {metric.when_wrong} |"
