"""Ledgers to fold: fills and corrections as journaled, random ones too, and what is to be in force, the plain way."""

import json
import random
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from telemetry_stream.events import Batch, StreamPosition
from trading_history.reader import HistoryReader, StoredFill
from trading_history.writer import HistoryWriter
from trading_model.accounting.fills import LineKey

STREAM = "5e1fb0a4-6a3f-4b6f-9d0e-6a1f3c2b7d10"
Event = dict[str, Any]


def a_fill(**members: Any) -> Event:
    """A fill of XRP/ETH as journaled, without its sequence."""
    plain = {
        "trade_id": "t1", "symbol": "XRP/ETH", "price": "0.5", "qty": "10", "side": "buy",
        "ts": "2026-03-04T05:06:07Z", "account": "default", "strategy": "default",
    }  # fmt: skip
    return plain | members


@dataclass
class Ledger:
    """Events in the order of arrival; the first has sequence 1."""

    events: list[Event] = field(default_factory=list)

    def add(self, event: Event) -> int:
        """Append an event without its sequence; gives that."""
        self.events.append(event)
        return len(self.events)

    def fill(self, **members: Any) -> int:
        """Append a fill with a trade id of its own."""
        return self.add(a_fill(**{"trade_id": f"t{len(self.events) + 1}", **members}))

    def void(self, target: int) -> int:
        """Append a void."""
        return self.add({"kind": "void", "id": f"v{target}", "target": target, "void": {"was": self.at(target)}})

    def replace(self, target: int, **members: Any) -> int:
        """Append a replace of a fill, which differs from it in these members."""
        was = self.at(target)
        content = {"fill": was | members, "was": was}
        return self.add({"kind": "replace", "id": f"r{len(self.events)}", "target": target, "replace": content})

    def import_(self, name: str) -> int:
        """Append an import."""
        return self.add({"kind": "import", "id": name, "import": {"name": f"{name}.csv", "digest": "00"}})

    def at(self, sequence: int) -> Event:
        """An event without its sequence."""
        return self.events[sequence - 1]

    def batch(self, first: int = 1, last: int | None = None) -> Batch:
        """Consecutive events as they are delivered."""
        last = len(self.events) if last is None else last
        numbered = [self.bytes_of(sequence) for sequence in range(first, last + 1)]
        return Batch(STREAM, first, last, b",".join(numbered))

    def bytes_of(self, sequence: int) -> bytes:
        """An event as journaled."""
        return json.dumps({"seq": sequence, **self.at(sequence)}, separators=(",", ":")).encode()

    def in_force(self, sequence: int) -> bool:
        """Whether no void in force targets the event."""
        return not any(
            event.get("kind") == "void" and event["target"] == sequence and self.in_force(number)
            for number, event in enumerate(self.events, 1)
        )

    def effective(self) -> dict[LineKey, list[tuple[int, Event]]]:
        """By key, the fills in force in the order of trading: sequence and effective content."""
        taken_back = {
            event["id"]
            for number, event in enumerate(self.events, 1)
            if event.get("kind") == "import" and not self.in_force(number)
        }
        found: dict[LineKey, list[tuple[int, Event]]] = {}
        for number, event in enumerate(self.events, 1):
            if "kind" in event or event.get("import_id") in taken_back or not self.in_force(number):
                continue
            for later, other in enumerate(self.events, 1):
                if other.get("kind") == "replace" and other["target"] == number and self.in_force(later):
                    event = other["replace"]["fill"]  # noqa: PLW2901 -- the last one holds
            found.setdefault(key_of(event), []).append((number, event))
        return {key: sorted(fills, key=in_order) for key, fills in found.items()}


def key_of(event: Event) -> LineKey:
    """The key of a fill."""
    names = (event["account"], event["strategy"], event["symbol"].upper())
    return LineKey(*names, event.get("position_side", ""), event.get("currency", ""))


def in_order(fill: tuple[int, Event]) -> tuple[str, int, bool, int, int]:
    """Its place in the order of trading. Times are of one length but for their decimals, up to nine."""
    sequence, event = fill
    whole, _, decimals = event["ts"].removesuffix("Z").partition(".")
    number = event["trade_id"] if event["trade_id"].isdigit() else ""
    return whole, int(decimals.ljust(9, "0")), number == "", int(number or 0), sequence


def a_random_ledger(seed: int, events: int = 200) -> Ledger:
    """Fills of a few keys, late and at the same time too, and corrections of all sorts."""
    chance = random.Random(seed)
    ledger = Ledger()
    targets: set[int] = set()
    for number in range(events):
        fills = [at for at, event in enumerate(ledger.events, 1) if "kind" not in event]
        imports = [event["id"] for event in ledger.events if event.get("kind") == "import"]
        step = chance.random()
        free = [at for at in range(1, len(ledger.events) + 1) if at not in targets]
        if step < 0.2 and free:
            target = chance.choice(free[-20:])
            targets.add(target)
            ledger.void(target)
        elif step < 0.4 and fills:
            ledger.replace(chance.choice(fills), **some_members(chance))
        elif step < 0.45:
            ledger.import_(f"import-{number}")
        elif step < 0.5:
            ledger.add({"kind": "note", "id": f"n{number}", "aside": True, "note": {"text": "void me"}})
        else:
            more = {"import_id": chance.choice(imports)} if imports and chance.random() < 0.5 else {}
            trade_id = chance.choice([str(number), f"0{number}", f"{number}" * 9, f"x{number}"])
            ledger.fill(**some_members(chance), **more, trade_id=trade_id)
    return ledger


def some_members(chance: random.Random) -> Event:
    """Random members of a fill."""
    second = chance.randrange(4)
    decimals = chance.choice(["", ".5", ".25", ".000000001"])
    members: Event = {
        "symbol": chance.choice(["XRP/ETH", "BTCUSDT", "sUSDe"]),
        "price": str(Decimal(chance.randrange(1, 10**6)).scaleb(-4)),
        "qty": f"{chance.randrange(1, 99)}.50",
        "side": chance.choice(["buy", "sell"]),
        "ts": f"2026-03-04T05:06:0{second}{decimals.ljust(4, '0') if decimals else ''}Z",
        "strategy": chance.choice(["default", "carry"]),
    }
    for name, value in (
        ("fee", "0.10"), ("fee_currency", "BNB"), ("currency", "USD"), ("position_side", "long"),
        ("multiplier", "0.01"), ("tags", ["a", "ü"]), ("venue", "kraken"), ("order_id", "o-1"),
    ):  # fmt: skip
        if chance.random() < 0.15:
            members[name] = value
    return members


def fold(folder: Path, ledger: Ledger, cuts: list[int] | None = None, *, with_figures: bool = False) -> None:
    """Write a store in `folder`, a transaction for each part of the ledger that ends at one of `cuts`."""
    writer = HistoryWriter(folder, with_figures=with_figures)
    try:
        for last in [*(cuts or []), len(ledger.events)]:
            take(writer, ledger, last)
        while not writer.figures_are_settled:
            writer.advance_figures()
    finally:
        writer.close()


def take(writer: HistoryWriter, ledger: Ledger, last: int) -> None:
    """Apply the ledger's events up to `last` that are missing, in one transaction."""
    first = writer.position.sequence + 1
    if first <= last:
        writer.apply(ledger.batch(first, last))
        writer.commit(StreamPosition(STREAM, last))


def stored(folder: Path) -> dict[LineKey, list[tuple[int, Event]]]:
    """What a store has in force, by key, as `Ledger.effective` gives it."""
    reader = HistoryReader(folder)
    try:
        with reader.snapshot() as snapshot:
            fills = {
                key: [(one.seq, as_journaled(one)) for one in snapshot.fills([key])] for key in snapshot.known_keys()
            }
    finally:
        reader.close()
    return {key: found for key, found in fills.items() if found}


def as_journaled(fill: StoredFill) -> Event:
    """A stored fill's members in the digits of the journal."""
    members = {name: getattr(fill, name) for name in fill.__struct_fields__ if name != "seq"}
    amounts = {name: str(value) for name, value in members.items() if isinstance(value, Decimal)}
    tags = {"tags": list(fill.tags)} if fill.tags else {}
    return {name: value for name, value in (members | amounts | tags).items() if value is not None}
