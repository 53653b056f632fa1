"""Names of columns: how they are compared, and made unique."""

import unicodedata
from collections.abc import Sequence
from functools import lru_cache


@lru_cache(maxsize=10_000)
def column_key(name: str) -> str:
    """What names of one column have in common: letters and digits without regard to case, and the percent sign.

    "Trade ID", "trade_id" and "tradeId" are the same column; "Profit" and "Profit %" are not.
    A name of other signs alone is its own key.
    """
    folded = unicodedata.normalize("NFKC", name).casefold()
    return "".join(letter for letter in folded if letter.isalnum() or letter == "%") or folded.strip()


def unique_names(header: Sequence[str]) -> tuple[str, ...]:
    """A header's names: "(3)" for the third where it has none, "Time (2)" for the second of a name.

    Empty cells at the end have no name.
    """
    width = max((number for number, name in enumerate(header, 1) if name.strip()), default=0)
    names: list[str] = []
    taken: set[str] = set()
    for number, cell in enumerate(header[:width], 1):
        name = base = " ".join(cell.split()) or f"({number})"
        count = 1
        while name in taken:
            count += 1
            name = f"{base} ({count})"
        taken.add(name)
        names.append(name)
    return tuple(names)
