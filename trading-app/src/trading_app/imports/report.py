"""What an import would change, or has changed: one shape for the command's `--json`, the page and the API."""

from typing import Literal

import msgspec

from trading_app.intake.known import Difference

State = Literal["ready", "question", "refused", "nothing_new", "taken"]
Order = Literal["", "oldest_first", "newest_first", "mixed"]


class Asked(msgspec.Struct, frozen=True):
    """A question that only the user can answer. `option` answers it, `choices` are what may follow it."""

    code: str
    text: str
    option: str
    choices: tuple[str, ...] = ()
    places: tuple[int, ...] = ()


class Remark(msgspec.Struct, frozen=True):
    """What the user should know. `count` rows are concerned, of which `places` are the first."""

    code: str
    text: str
    places: tuple[int, ...] = ()
    count: int = 0


class RowError(msgspec.Struct, frozen=True):
    """A row for which the file is refused; `place` 0 if it is the whole file."""

    place: int
    column: str
    message: str


class Skipped(msgspec.Struct):
    """Rows that are no event of the ledger, by reason; `places` are the first."""

    reason: str
    count: int
    places: list[int]


class Source(msgspec.Struct, frozen=True):
    """What a table of the file was recognised as."""

    table: str
    preset: str
    title: str


class TableFacts(msgspec.Struct, frozen=True):
    """A table of the file: its columns and first rows, from which a person maps it."""

    name: str
    columns: tuple[str, ...]
    first_rows: list[dict[str, str]]


class FileFacts(msgspec.Struct):
    """The file: its name, its kind (csv, json, xlsx …) and what was found out about its form."""

    name: str
    kind: str = ""
    notes: list[str] = []


class Rows(msgspec.Struct):
    """Rows by what they say: fills, events of other kinds, neither. `twice` are fills that the file has before."""

    fills: int = 0
    events: int = 0
    skipped: int = 0
    twice: int = 0


class Span(msgspec.Struct, frozen=True):
    """The times of the first and the last event."""

    first: str
    last: str


class TakenBack(msgspec.Struct, frozen=True):
    """Rows that the ledger has and that were taken back by one void: of an import, or of a single fill."""

    import_id: str | None
    void: int
    rows: int


class Different(msgspec.Struct, frozen=True):
    """A row whose identity a fill or an event with other content has: its sequence, and what differs."""

    place: int
    seq: int
    fields: dict[str, Difference]


class Similar(msgspec.Struct, frozen=True):
    """A new row, and the fill of the ledger that is probably the same."""

    place: int
    seq: int


class Compared(msgspec.Struct):
    """What the ledger has of the file. `checked` is false where no app was asked.

    `known` are in force. `probably_known` were looked for up to the sequence `history`: null if there is no history.
    """

    checked: bool = False
    history: int | None = None
    new: int = 0
    new_events: int = 0
    known: int = 0
    known_events: int = 0
    taken_back: int = 0
    voids: list[TakenBack] = []
    different: int = 0
    differences: list[Different] = []
    probably_known: int = 0
    similar: list[Similar] = []


class Position(msgspec.Struct):
    """What the file's own events amount to for one position. Amounts are texts of plain digits; null is unknown."""

    account: str
    strategy: str
    symbol: str
    position_side: str | None
    currency: str | None
    unit: str | None
    position: str
    average_entry_price: str
    last_price: str | None
    realized_pnl: str
    unrealized_pnl: str | None
    fees: str
    fees_outside_net: dict[str, str]
    cash: str
    net_pnl: str | None
    fills: int
    flags: list[str]


class CurrencyTotal(msgspec.Struct):
    """The sums of the positions and cash in one currency."""

    currency: str
    realized_pnl: str
    unrealized_pnl: str | None
    fees: str
    cash: str
    net_pnl: str | None
    fees_outside_net: dict[str, str]


class MissingStart(msgspec.Struct, frozen=True):
    """A spot position that falls below zero: the history begins before the file. `option` gives what was held."""

    account: str
    symbol: str
    missing: str
    option: str


class Unknown(msgspec.Struct):
    """Symbols of which nothing says the currency of their P&L, or what a contract is worth."""

    currencies: list[str] = []
    instruments: list[str] = []


class FirstFill(msgspec.Struct, frozen=True):
    """One of the first fills as read."""

    place: int
    trade: dict[str, str]


class Result(msgspec.Struct):
    """What was taken. The sequences are those of the file's fills that are in the ledger now."""

    accepted: int = 0
    duplicates: int = 0
    events: int = 0
    revived: int = 0
    first_seq: int | None = None
    last_seq: int | None = None


class Report(msgspec.Struct):
    """Everything about one file. `result` is null before it was taken."""

    file: FileFacts
    state: State = "ready"
    import_id: str | None = None
    sources: list[Source] = []
    tables: list[TableFacts] = []
    rows: Rows = msgspec.field(default_factory=Rows)
    skipped: list[Skipped] = []
    span: Span | None = None
    order: Order = ""
    compared: Compared = msgspec.field(default_factory=Compared)
    positions: list[Position] = []
    positions_omitted: int = 0
    totals: list[CurrencyTotal] = []
    first_fills: list[FirstFill] = []
    unknown: Unknown = msgspec.field(default_factory=Unknown)
    begins_in_the_middle: list[MissingStart] = []
    questions: list[Asked] = []
    warnings: list[Remark] = []
    errors: list[RowError] = []
    errors_omitted: int = 0
    result: Result | None = None
