"""The values of each series over a stretch of time, as OpenMetrics text with times. No I/O."""

from collections.abc import Iterable, Iterator

Runs = list[tuple[int, bytes | None]]
"""Changes of one series: from that step on it has this value; None: it is missing."""

Piece = tuple[bytes, bytes]
"""The header of a family, and some of its lines."""


class Recording:
    """What was shown at steps of equal length. Only changes are kept, however many steps there are."""

    def __init__(self, step_seconds: int, labels: str) -> None:
        """Step N is at N times `step_seconds`, Unix time. `labels` are added to each series, without braces."""
        self._seconds = step_seconds
        self._labels = labels.encode()
        self._families: dict[bytes, dict[bytes, Runs]] = {}
        """By header and by series as exposed, in the order in which they appeared."""

        self._shown: dict[Piece, None] = {}

    def note(self, step: int, pieces: Iterable[Piece]) -> None:
        """Keep what has changed in an exposition, at a step after those before.

        Pieces that were there at the step before are not read again.
        """
        shown = dict.fromkeys(pieces)
        new: set[tuple[bytes, bytes]] = set()
        for family, lines in shown:
            if (family, lines) in self._shown:
                continue
            known = self._families.setdefault(family, {})
            for line in lines.splitlines():
                series, _, value = line.rpartition(b" ")
                _change(known.setdefault(series, []), step, value)
                new.add((family, series))
        for family, lines in self._shown.keys() - shown.keys():
            for line in lines.splitlines():
                series = line.rpartition(b" ")[0]
                if (family, series) not in new:
                    _change(self._families[family][series], step, None)
        self._shown = shown

    def text(self, first: int, end: int) -> Iterator[bytes]:
        """A whole document with the values at the steps from `first` up to but not including `end`.

        Changes before `end` are then forgotten but for the last of each series: the next document begins there.
        """
        times = [b" %d\n" % (step * self._seconds) for step in range(first, end)]
        for family, known in self._families.items():
            yield family
            for series, runs in list(known.items()):
                yield from self._lines(series, runs, times, first)
                value = runs[-1][1]
                if value is None:
                    del known[series]
                else:
                    known[series] = [(end, value)]
        yield b"# EOF\n"

    def _lines(self, series: bytes, runs: Runs, times: list[bytes], first: int) -> Iterator[bytes]:
        ends = [start for start, _ in runs[1:]] + [first + len(times)]
        named = series[:-1] + b"," if series.endswith(b"}") else series + b"{"
        for (start, value), end in zip(runs, ends, strict=True):
            some = times[max(start - first, 0) : max(end - first, 0)]
            if value is not None and some:
                line = b"%b%b} %b" % (named, self._labels, value)
                yield line + line.join(some)


def _change(runs: Runs, step: int, value: bytes | None) -> None:
    if not runs or runs[-1][1] != value:
        runs.append((step, value))
