"""What a row of a file says, in the ledger's terms."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

MAX_PLACES = 5
"""Places that a warning or a question names; the first ones."""


class FillRow(msgspec.Struct, frozen=True, gc=False):
    """A fill. `members` are those of `POST /trades`: numbers in plain digits, `ts` RFC 3339 in UTC.

    Without a `trade_id` the file named none; no id is made here.
    """

    place: int
    members: dict[str, str]


class EventRow(msgspec.Struct, frozen=True, gc=False):
    """What is no fill. `kind` and `members` are those of `POST /events`: cash, split, opening."""

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


Reading = FillRow | EventRow | SkippedRow | BadRow | Question | Warning


@dataclass(frozen=True, slots=True)
class Choices:
    """What the user answered. Empty: not answered; the mapping, or the file, says it.

    `timezone` is an IANA name or an offset such as +02:00, `decimal` is "." or ",", `date_order` one of dmy, mdy, ymd.
    `account`, `strategy` and `venue` are those of every row, whatever the file says. `contract_sizes` says how many
    units one lot of a symbol is; in its keys `*` stands for any characters. `symbol` and `currency` are for files that
    name none.
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
