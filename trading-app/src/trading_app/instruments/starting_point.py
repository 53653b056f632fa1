"""What the file with instruments adds to the ledger, and where the two differ. No I/O.

The file is a starting point: an entry gets into the ledger once, if the ledger has never said anything about that
symbol or pattern. From then on the ledger decides, and the file never overrides what somebody said through the API.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from trading_app.instruments.entries import Entry
from trading_model.contents import Instrument
from trading_model.instruments import Instruments, normal_form

_NAMES = ("symbol", "pattern")
_SAID = tuple(each.name for each in msgspec.structs.fields(Instrument) if each.name not in _NAMES)


@dataclass(frozen=True, slots=True)
class Difference:
    """Where an entry of the file and the ledger differ, in words."""

    entry: Entry
    detail: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """The entries that the ledger does not know, and the differences in the others."""

    new: Sequence[Entry]
    differences: Sequence[Difference]


def compare(entries: Sequence[Entry], ledger: Instruments, taken_ids: Collection[str]) -> Comparison:
    """Hold the file against the ledger. `taken_ids` are those of its instrument events, also of voided ones."""
    known = {name for one in ledger.statements for name in (one.content.symbol, one.content.pattern) if name}
    new, differences = list[Entry](), list[Difference]()
    for entry in entries:
        if entry.name in known:
            differences += [Difference(entry, detail) for detail in _differences(entry, ledger)]
        elif entry.id in taken_ids:
            differences.append(Difference(entry, f"the ledger has the id {entry.id} for another symbol"))
        elif circle := ledger.circle(entry.content):
            detail = f"its aliases would form a circle with those of the ledger: {', '.join(circle)}"
            differences.append(Difference(entry, detail))
        else:
            new.append(entry)
    return Comparison(new, differences)


def _differences(entry: Entry, ledger: Instruments) -> Iterator[str]:
    held = ledger.in_force(entry.name)
    if not held:
        yield "the ledger had an instrument for it, which was voided"
        return
    content = normal_form(entry.content)
    for member in _SAID:
        in_file = getattr(content, member)
        says = next((one for one in held if getattr(one.content, member) is not None), None)
        in_ledger = None if says is None else getattr(says.content, member)
        if _compared(in_file) != _compared(in_ledger):
            by = f" (event {says.seq})" if says is not None else ""
            yield f"{member} is {shown(in_file)} in the file, {shown(in_ledger)} in the ledger{by}"


def _compared(value: Any) -> Any:
    """The order of aliases says nothing."""
    return frozenset(value) if isinstance(value, tuple) else value


def shown(value: Any) -> str:
    """The value of a member, for people."""
    if value is None:
        return "not said"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(value) if isinstance(value, tuple) else str(value)
