"""The figures' place in docs/performance.md."""

from collections.abc import Iterable, Mapping, Sequence

from benchmarks.processes import ROOT
from benchmarks.table import HEADER, Row

DOCUMENT = ROOT / "docs/performance.md"
BEGIN = "<!-- what follows is written by `make bench WRITE=1` -->"
END = "<!-- and ends here -->"


def write(found: Mapping[str, Sequence[Row]], order: Iterable[str], measured_on: str, command: str) -> None:
    """Put the figures in their place; those of others, measured before, stay."""
    DOCUMENT.write_text(renewed(DOCUMENT.read_text(), found, order, measured_on, command))


def renewed(text: str, found: Mapping[str, Sequence[Row]], order: Iterable[str], measured_on: str, command: str) -> str:
    """The document with these figures in it."""
    before, _, rest = text.partition(BEGIN)
    written, _, after = rest.partition(END)
    lines: dict[str, list[str]] = {}
    for line in written.splitlines():
        if line.startswith("| `"):
            lines.setdefault(line.split("`")[1], []).append(line)
    for name, rows in found.items():
        lines[name] = [_line(row.cells(f"`{name}`")) for row in rows]
    table = [_line(HEADER), _line(["---"] * len(HEADER)), *(line for name in order for line in lines.get(name, []))]
    return (
        "\n".join([before + BEGIN, "", measured_on, "", f"Last written by `{command}`.", "", *table, "", END]) + after
    )


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
