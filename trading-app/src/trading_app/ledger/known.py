"""Which events of other kinds than fills the ledger has, by kind and id, as JSON; what replaced fills say now. Reads
through a LedgerView.
"""

from collections.abc import Iterable, Sequence

import msgspec

from service_kit.problems import Problem
from telemetry_stream.log import StreamReader
from telemetry_stream.wire import number
from trading_app.ledger.registry import Registry
from trading_app.ledger.view import LedgerView, StoredEvent
from trading_app.problems import TradeProblem
from trading_model.kind_members import KINDS


class Named(msgspec.Struct, frozen=True):
    """An event by its kind and id; its other members are not looked at."""

    kind: str
    id: str


class _TakenBack(msgspec.Struct):
    index: int
    seq: int
    void: int
    import_id: str | None = None


class _Found(msgspec.Struct):
    new: int
    known: list[tuple[int, int]]
    taken_back: list[_TakenBack]


def read_names(body: bytes, maximum: int) -> Sequence[Named]:
    """The events of a JSON array. Raises Problem (`not_json`, `invalid_batch`, `too_large`)."""
    try:
        names = _decode(body)
    except msgspec.ValidationError as error:
        raise TradeProblem("invalid_batch", f"send an array of objects with kind and id: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise TradeProblem("not_json", f"the body is not JSON: {error}") from None
    if not names:
        raise TradeProblem("invalid_batch", "the batch is empty; at least one event is needed")
    if unknown := {name.kind for name in names} - KINDS.keys():
        raise TradeProblem("invalid_batch", f"{min(unknown)[:64]} is not a kind of events: {', '.join(KINDS)}")
    if len(names) > maximum:
        raise Problem("too_large", f"a batch has at most {maximum} events, this one has {len(names)}; send several")
    return names


def known_events(
    reader: StreamReader, registry: Registry, names: Sequence[Named], accounts: frozenset[str] | None
) -> bytes:
    """Those in force, those taken back, and the number of the others. Events of others than `accounts` are not shown;
    None shows all. Raises DamagedHistory, StoreBusy.
    """
    view, found = LedgerView(reader), _Found(0, [], [])
    for index, name in enumerate(names):
        event = view.find(name.kind, name.id)
        if event is None or (accounts is not None and _account(event) not in accounts):
            found.new += 1
        elif void := registry.void_of(event.sequence):
            found.taken_back.append(_TakenBack(index, event.sequence, void))
        else:
            found.known.append((index, event.sequence))
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


def _account(event: StoredEvent) -> str:
    given = event.content.get("account")
    return "" if given is None else msgspec.json.decode(given, type=str)


_decode = msgspec.json.Decoder(list[Named]).decode
