"""What a row of a file says, in the ledger's terms."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from trading_model.kind_members import KINDS
from trading_model.members import Complaint, read_members

_END_OF_TIME = 2**63 - 1
"""Unix nanoseconds: no time of a file is too late here; the app compares it with its clock."""

MAX_PLACES = 5
"""Places that a warning or a question names; the first ones."""


class Recognised(msgspec.Struct, frozen=True):
    """A table whose rows follow: its name in the file, and the preset, or the name of the user's mapping."""

    table: str
    preset: str
    title: str


class FillRow(msgspec.Struct, frozen=True, gc=False):
    """A fill. `members` are those of `POST /trades`: numbers in plain digits, `ts` RFC 3339 in UTC.

    Without a `trade_id` the file named none; no id is made here.
    """

    place: int
    members: dict[str, str]


class FillRows(msgspec.Struct, frozen=True, gc=False):
    """Fills that were read together: the place of each, and by member what each has; None where one has none."""

    places: list[int]
    columns: dict[str, list[str | None]]

    def part(self, start: int, stop: int) -> "FillRows":
        """The fills from index `start` up to `stop`."""
        return FillRows(self.places[start:stop], {name: texts[start:stop] for name, texts in self.columns.items()})

    def rows(self) -> Iterator[FillRow]:
        """The fills one by one."""
        names = list(self.columns)
        for place, *texts in zip(self.places, *self.columns.values(), strict=True):
            pairs = zip(names, texts, strict=True)
            yield FillRow(place, {name: text for name, text in pairs if text is not None})


class EventRow(msgspec.Struct, frozen=True, gc=False):
    """What is no fill. `kind` and `members` are those of `POST /events`, members of members as `from.symbol`."""

    place: int
    kind: str
    members: dict[str, str]


class SkippedRow(msgspec.Struct, frozen=True, gc=False):
    """A row that is no event of the ledger, and why. Rows are counted by `reason`, which names no value of the row."""

    place: int
    reason: str


class BadRow(msgspec.Struct, frozen=True):
    """A row that can't be read; the file is refused. `column` is the column's name in the file, or a member's."""

    place: int
    column: str
    message: str


class Question(msgspec.Struct, frozen=True):
    """Only the user can answer; until then nothing is read on.

    `option` is the option of the command that answers, `choices` what may follow it; empty if that is open.
    """

    code: str
    text: str
    option: str
    choices: tuple[str, ...] = ()
    places: tuple[int, ...] = ()


class Warning(msgspec.Struct, frozen=True):  # noqa: A001 -- the report's word
    """What the user should know. `count` rows are concerned, of which `places` are the first."""

    code: str
    text: str
    places: tuple[int, ...] = ()
    count: int = 0


Reading = Recognised | FillRow | EventRow | SkippedRow | BadRow | Question | Warning


def one_by_one(readings: Iterable[Reading | FillRows]) -> Iterator[Reading]:
    """Readings with each fill as one of its own."""
    for reading in readings:
        if isinstance(reading, FillRows):
            yield from reading.rows()
        else:
            yield reading


def event_as_sent(row: EventRow) -> dict[str, Any]:
    """The event in the JSON form of `POST /events`."""
    sent: dict[str, Any] = {"kind": row.kind}
    schemas = {each.name: each.schema for each in KINDS[row.kind].members} if row.kind in KINDS else {}
    for name, text in row.members.items():
        outer, _, inner = name.partition(".")
        if inner.isdigit():
            sent.setdefault(outer, []).append(text)
        elif inner:
            sent.setdefault(outer, {})[inner] = text
        else:
            sent[name] = text == "true" if "boolean" in schemas.get(name, {}).get("type", ()) else text
    return sent


def complaints_about(row: EventRow) -> list[Complaint]:
    """What is wrong with an event, as far as the app's rules show it without the ledger and the clock."""
    sent = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in event_as_sent(row).items()}
    return read_members(KINDS[row.kind].members, sent, _END_OF_TIME).complaints


@dataclass(frozen=True, slots=True)
class Choices:
    """What the user answered. Empty: not answered; the mapping, or the file, says it.

    `timezone` is an IANA name or an offset such as +02:00, `decimal` is "." or ",", `date_order` one of dmy, mdy, ymd.
    `account`, `strategy` and `venue` are those of every row, whatever the file says. `contract_sizes` says how many
    units one lot of a symbol is; in its keys `*` stands for any characters. `symbol` is for files that
    name none, `currency` for rows that name none and whose symbol does not show it.
    """

    timezone: str = ""
    account: str = ""
    strategy: str = ""
    venue: str = ""
    decimal: str = ""
    date_order: str = ""
    symbol: str = ""
    currency: str = ""
    contract_sizes: Mapping[str, str] = field(default_factory=dict)
