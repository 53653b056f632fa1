"""Which events of other kinds than fills the ledger has, by kind and id, as JSON; what replaced fills say now. Reads
through a LedgerView.
"""

from collections.abc import Iterable, Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from service_kit.problems import FieldProblem
from telemetry_stream.log import StreamReader
from telemetry_stream.wire import number
from trading_app.intake.event import TradeIds
from trading_app.intake.known import Difference, Different, KnownEvents, TakenBack
from trading_app.ledger.corrections import differing_members
from trading_app.ledger.own_ids import account_in, find_own
from trading_app.ledger.registry import Registry
from trading_app.ledger.request import KindRequest, MadeIds, check_size, read_item, refuse
from trading_app.ledger.view import LedgerView, StoredEvent
from trading_app.problems import TradeProblem
from trading_model.kind_members import KINDS

MAX_DIFFERENT = 100
"""Maximum of events of which it is said what differs."""

_REFERRING = ("void", "replace", "import", "note")
"""Kinds that only their ids are looked at: they say something of other events."""

_FOR_PEOPLE = "text"
"""A member that makes no difference."""


class Named(msgspec.Struct, frozen=True):
    """An event by its kind and id alone."""

    kind: Annotated[str, Meta(extra_json_schema={"enum": list(KINDS)})]
    id: str


Asked = Named | KindRequest
"""An event that is asked about: by its name, or with all that it says."""


def read_asked(body: bytes, now_ns: int, maximum: int, account: str) -> Sequence[Asked]:
    """The events of a JSON array. `account` is that of events that name none.

    Raises Problem (`not_json`, `invalid_batch`, `too_large`).
    """
    try:
        names, items = _decode_names(body), _decode_items(body)
    except msgspec.ValidationError as error:
        raise TradeProblem("invalid_batch", f"send an array of objects with kind and id: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise TradeProblem("not_json", f"the body is not JSON: {error}") from None
    check_size(names, maximum)
    if unknown := {name.kind for name in names} - KINDS.keys():
        raise TradeProblem("invalid_batch", f"{min(unknown)[:64]} is not a kind of events: {', '.join(KINDS)}")
    ids = MadeIds(_NO_IDS, now_ns, None, "", b"")
    asked, problems = list[Asked](), list[FieldProblem]()
    for index, (name, item) in enumerate(zip(names, items, strict=True)):
        if name.kind in _REFERRING or item.keys() <= _NAMES:
            asked.append(name)
        else:
            read = read_item(_encode(item), index, now_ns, ids, account)
            if isinstance(read, KindRequest):
                asked.append(read)
            else:
                problems += read
    if problems:
        raise refuse(problems, single=False)
    return asked


def known_events(
    reader: StreamReader, registry: Registry, asked: Sequence[Asked], accounts: frozenset[str] | None
) -> bytes:
    """The events that the ledger has, in force, taken back or with other content, and the number of the others. Events
    of others than `accounts` are not shown; None shows all. Raises DamagedHistory, StoreBusy.
    """
    view, found = LedgerView(reader), KnownEvents(0, [], [], [])
    view.hold(filter(None, (view.sequence_of(*_name(one)) for one in asked)))
    for index, one in enumerate(asked):
        event = _find(view, one)
        if event is None or (accounts is not None and account_in(event.content) not in accounts):
            found.new += 1
            continue
        void = registry.void_of(event.sequence)
        if differing := _differing(one, event):
            fields = _fields(one, event, differing) if len(found.different) < MAX_DIFFERENT else {}
            found.different.append(Different(index, event.sequence, void or None, fields))
        elif void:
            found.taken_back.append(TakenBack(index, event.sequence, void, None))
        else:
            found.known.append([index, event.sequence])
    return msgspec.json.encode(found)


def replaced_contents(reader: StreamReader, sequences: Iterable[int]) -> dict[int, bytes]:
    """What those of these fills that are replaced say now, as JSON with the fill's `seq`, by sequence.

    Raises DamagedHistory, StoreBusy.
    """
    view, found = LedgerView(reader), dict[int, bytes]()
    for sequence in sequences:
        fill = view.event(sequence) if view.replaces(sequence) else None
        if fill is not None:
            content, said_by = view.now(fill)
            if said_by != sequence:
                found[sequence] = number(content, sequence)
    return found


def _name(one: Asked) -> tuple[str, str]:
    return (one.kind, one.id) if isinstance(one, Named) else (one.kind.name, one.id)


def _find(view: LedgerView, one: Asked) -> StoredEvent | None:
    if isinstance(one, Named):
        return view.find(one.kind, one.id)
    account = _decode_text(one.texts["account"]) if "account" in one.texts else ""
    return find_own(view, one.kind.name, one.id, account)[1]


def _differing(one: Asked, event: StoredEvent) -> list[str]:
    """The members in which a stored event differs from what is asked about."""
    if isinstance(one, Named):
        return []
    return [name for name in differing_members(one, event) if name != _FOR_PEOPLE]


def _fields(one: Asked, event: StoredEvent, differing: Iterable[str]) -> dict[str, Difference]:
    """What differs, by member."""
    assert isinstance(one, KindRequest), "a name alone differs in nothing"
    stored = event.content
    return {
        name: Difference(
            msgspec.json.decode(one.texts[name]) if name in one.texts else None,
            msgspec.json.decode(stored[name]) if name in stored else None,
        )
        for name in differing
    }


_NO_IDS = TradeIds()
_NAMES = {"kind", "id"}
_encode = msgspec.json.Encoder().encode
_decode_text = msgspec.json.Decoder(str).decode
_decode_names = msgspec.json.Decoder(list[Named]).decode
_decode_items = msgspec.json.Decoder(list[dict[str, msgspec.Raw]]).decode
