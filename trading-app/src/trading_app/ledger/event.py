"""One event of another kind than a fill, ready for the journal, with its key and its label. No I/O."""

import msgspec

from telemetry_stream.events import Event, Label
from trading_model.kind_members import KINDS
from trading_model.kinds import is_fill, key_of


class LedgerEvent(Event):
    """An event whose payload is complete. It repeats a stored one only if that is the same to the byte.

    Whether a request says the same as a stored event is decided before: see `corrections`.
    """

    __slots__ = ("id", "kind", "label")

    def __init__(self, kind: str, id: str, target: int, payload: bytes) -> None:  # noqa: A002 -- the member's name
        super().__init__(key_of(kind, id, target), payload)
        self.kind = kind
        self.id = id
        self.label = Label(kind, id, target)


def make_event(kind: str, id: str, target: int, content: str) -> LedgerEvent:  # noqa: A002 -- the member's name
    """The event that says `content`, a JSON object. `target` is the sequence of the event it refers to, 0 for none."""
    known = KINDS[kind]
    aside = ',"aside":true' if known.aside else ""
    refers = f',"target":{target}' if target else ""
    payload = f'{{"kind":"{kind}","id":"{id}"{aside}{refers},"{known.journaled_as}":{content}}}'
    return LedgerEvent(kind, id, target, payload.encode())


class _Labelled(msgspec.Struct):
    kind: str = ""
    id: str = ""
    target: int = 0


_decode = msgspec.json.Decoder(_Labelled).decode


def stored_label(numbered: bytes) -> Label | None:
    """The label of a journaled event; None for a fill. Raises ValueError if it is not an event."""
    if is_fill(numbered):
        return None
    event = _decode(numbered)
    return Label(event.kind, event.id, event.target)


def content_of(event: bytes) -> bytes:
    """A journaled event without its sequence, as another event quotes it."""
    return b"{" + event.partition(b",")[2]
