"""How a delimited text is written: what separates its cells, what quotes them."""

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from trading_files.errors import FileRefused
from trading_files.reading.columns import column_key

_DELIMITERS = ",;\t|"
_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}


@dataclass(frozen=True, slots=True)
class Dialect:
    """`skip` counts the lines before the first record: a `sep=` line. `escape` is "\\\\" where that escapes quotes."""

    delimiter: str
    quote: str = '"'
    escape: str | None = None
    skip: int = 0

    def arguments(self) -> dict[str, Any]:
        """What csv.reader is called with. Strict: a stray quotation mark is an error, not a guess."""
        return {
            "delimiter": self.delimiter,
            "quotechar": self.quote,
            "doublequote": self.escape is None,
            "escapechar": self.escape,
            "skipinitialspace": True,
            "strict": True,
        }

    def note(self) -> str:
        """What was found, for people."""
        return f"cells are separated by: {_NAMES.get(self.delimiter, repr(self.delimiter))}"


def find_dialect(sample: Sequence[str], headers: Sequence[frozenset[str]]) -> Dialect:
    """The dialect with which the sample is a table: one in which a known header appears, else the most regular one.

    Raises FileRefused if it is a table in none.
    """
    skip, delimiters = _separator_line(sample)
    best, best_score = None, (0, 0)
    for dialect in _candidates(sample[skip:], delimiters, skip):
        score = _score(_parse(sample[skip:], dialect), headers)
        if score > best_score:
            best, best_score = dialect, score
    if best is None:
        first = next((line.strip() for line in sample if line.strip()), "")
        raise FileRefused(
            f"the file is text without columns; its first line is {first[:80]!r}. "
            "Export it as CSV, with names of columns in the first line"
        )
    return best


def _separator_line(sample: Sequence[str]) -> tuple[int, str]:
    """`sep=;` as the first line, which spreadsheets obey and hide."""
    first = sample[0].strip().strip('"') if sample else ""
    if first[:4].casefold() == "sep=":
        named = sample[0].strip('\r\n" ')[4:]  # not the tab
        return 1, named[:1] or _DELIMITERS
    return 0, _DELIMITERS


def _candidates(sample: Sequence[str], delimiters: str, skip: int) -> Iterator[Dialect]:
    text = "".join(sample)
    quotes = "'" if _single_quoted(sample) else '"'
    escapes = ("\\", None) if f"\\{quotes}" in text else (None,)
    for delimiter in delimiters:
        if delimiter in text:
            for escape in escapes:
                yield Dialect(delimiter, quotes, escape, skip)


def _single_quoted(sample: Sequence[str]) -> bool:
    """Whether the first lines begin and end with an apostrophe; one at their beginning alone is a text mark."""
    lines = [line.strip() for line in sample[:5] if line.strip()]
    return bool(lines) and all(line[:1] == "'" and line[-1:] == "'" for line in lines) and '"' not in lines[0]


def _parse(sample: Sequence[str], dialect: Dialect) -> list[list[str]]:
    """The records as far as they can be read; the last may be cut off with the sample."""
    records: list[list[str]] = []
    with suppress(csv.Error):
        records.extend(cells for cells in csv.reader(sample, **dialect.arguments()) if any(map(str.strip, cells)))
    return records


def _score(records: Sequence[list[str]], headers: Sequence[frozenset[str]]) -> tuple[int, int]:
    """The size of the largest known header in the records; then the number of separators in records of equal width."""
    if not records:
        return 0, 0
    known = 0
    for cells in records if headers else ():
        keys = {column_key(cell) for cell in cells}
        known = max(known, max((len(one) for one in headers if one <= keys), default=0))
    widths = Counter(map(len, records))
    return known, max((width - 1) * count for width, count in widths.items())
