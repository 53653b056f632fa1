"""Reads the messages of one hook: from bytes to the ledger's terms. No I/O.

The preset's mapping says what a message means. Fills without an id get one that comes from what the message says, so
that a repeated message is recognised.
"""

from collections.abc import Mapping, Sequence

from trading_app.hooks.hook import Hook
from trading_app.hooks.identity import made_id
from trading_app.hooks.mappings import shipped_mapping
from trading_app.hooks.message import Record, read_record
from trading_app.hooks.missing import advice
from trading_app.hooks.preset import PRESETS
from trading_app.hooks.readings import Event, Fill, Ignored, Reading, Said, Unreadable
from trading_files.interpret import Interpreter
from trading_files.readings import BadRow, EventRow, FillRow, Question, SkippedRow
from trading_files.readings import Reading as Row
from trading_model.field_rules import format_timestamp
from trading_model.timestamps import unix_ns

ARRIVAL = "received_at"
"""The member with the time at which a message arrived. It is missing while the sender sends old messages."""

LATE_NS = 86_400_000_000_000
"""If a fill is this much older than its message's arrival, somebody sends old messages again."""

NOTHING = ("None", "null", "NaN")
"""What senders write for no value."""

UNRECOGNISABLE = "the message has neither a time nor an id, so a repeated one could not be recognised"

Members = Mapping[str, str]
NO_MORE: Record = {}

OF_HOOK = ("strategy", "currency")
"""Members that a hook says where the message does not."""

UNCOMPARED = ("trade_id", "account", "strategy", "fee", "fee_currency", "currency", "multiplier", "tags")
"""Members that make no difference between two fills: a hook that is set up otherwise still knows them."""


class HookReader:
    """Reads the messages of one hook, in the order in which they arrive."""

    def __init__(self, hook: Hook) -> None:
        self._hook = hook
        self._preset = PRESETS[hook.preset]
        self._mapping = hook.mapping or shipped_mapping(hook.preset)
        self._interpreter = Interpreter(self._mapping)
        self._late = False

    def read(self, body: bytes, content_type: str, received_ns: int, more: Record = NO_MORE) -> Reading:
        """What a message says that arrived at `received_ns`, in ns since 1970. Raises Unreadable.

        `more` are members that a person adds to it, or puts in the place of its own.
        """
        sent = {**_read_if(body, content_type), **more} if more else read_record(body, content_type)
        record = {name: text for name, text in sent.items() if text and text not in NOTHING and name != ARRIVAL}
        arrival = format_timestamp(received_ns)
        rows = self._interpreter.read_message(record if self._late else record | {ARRIVAL: arrival})
        fills = [row.members for row in rows if isinstance(row, FillRow)]
        events = [row for row in rows if isinstance(row, EventRow)]
        self._require_readable(rows, record, has_fill=bool(fills))
        if not fills and not events:
            reasons = [row.reason for row in rows if isinstance(row, SkippedRow)]
            return Ignored(reasons[0] if reasons else "nothing in the message")
        self._note_times(fills, arrival, received_ns)
        return Said(
            [self._fill(members, record, arrival, number) for number, members in enumerate(fills)],
            [self._event(row, record, arrival, number) for number, row in enumerate(events)],
        )

    def _require_readable(self, rows: Sequence[Row], record: Record, *, has_fill: bool) -> None:
        bad = next((row for row in rows if isinstance(row, BadRow | Question)), None)
        if (bad is not None or has_fill) and (said := advice(self._preset, self._mapping, record)):
            raise Unreadable(said)
        if isinstance(bad, BadRow):
            raise Unreadable(f"{bad.column} {bad.message}".strip())
        if isinstance(bad, Question):
            raise Unreadable(bad.text)

    def _note_times(self, fills: Sequence[Members], arrival: str, received_ns: int) -> None:
        own = [unix_ns(members["ts"]) for members in fills if members.get("ts", arrival) != arrival]
        if own:
            self._late = received_ns - max(own) > LATE_NS

    def _fill(self, members: Members, record: Record, arrival: str, number: int) -> Fill:
        is_dated = any(name in record for name in self._preset.dated)
        timed = not is_dated and members.get("ts", arrival) != arrival
        if not (timed or is_dated or "trade_id" in members):
            raise Unreadable(UNRECOGNISABLE)
        symbol = members["symbol"]
        assumed = frozenset(name for name in OF_HOOK if name not in members) | (frozenset() if timed else {"ts"})
        own = self._own(members) | {"ts": arrival, "trade_id": self._id("fill", members, record, number, timed=timed)}
        if self._hook.currency:
            own["currency"] = self._hook.currency
        return Fill(own | dict(members) | {"symbol": self._hook.symbols.get(symbol, symbol)}, assumed)

    def _event(self, row: EventRow, record: Record, arrival: str, number: int) -> Event:
        members = row.members
        if "ts" not in members and "id" not in members:
            raise Unreadable(UNRECOGNISABLE)
        assumed = frozenset(name for name in ("ts", "strategy") if name not in members)
        own = {"kind": row.kind, "ts": arrival, "id": self._id(row.kind, members, record, number, timed=True)}
        said = own | self._own(members) | members
        symbol = self._hook.symbols.get(members.get("symbol", ""))
        if symbol is not None:
            said, assumed = said | {"symbol": symbol}, assumed | {"symbol"}
        return Event(said, assumed)

    def _own(self, members: Members) -> dict[str, str]:
        """The account and the strategy, as the hook has them if the message says none. Raises Unreadable."""
        account = members.get("account", self._hook.account)
        if account not in self._hook.accounts:
            raise Unreadable(f"the hook is not set up for the account {account[:64]!r}: add it to its `accounts`")
        return {"account": account, "strategy": self._hook.strategy}

    def _id(self, kind: str, members: Members, record: Record, number: int, *, timed: bool) -> str:
        """An id of what the message says; `number` is the place within the message."""
        parts = [kind, str(number), *(record.get(name, "") for name in self._preset.identifying)]
        for name, text in sorted(members.items()):
            if name not in UNCOMPARED and (timed or name != "ts"):
                parts += [name, text]
        for name in self._preset.owning:
            if name in record:
                parts += [name, record[name]]
        return made_id(self._hook.preset, parts)


def _read_if(body: bytes, content_type: str) -> Record:
    """The members of a message; none if it has no members, as a plain text."""
    try:
        return read_record(body, content_type)
    except Unreadable:
        return {}
