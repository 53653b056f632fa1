"""Events of other kinds than fills on their way into the spool: each gets its id, and a row that repeats one is found
out.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from trading_app.imports import row_ids
from trading_app.imports.row_ids import row_digest, row_id
from trading_app.imports.spool import EventLine, Spool
from trading_app.ledger.own_ids import OF_ACCOUNTS
from trading_files.readings import EventRow, event_as_sent

COUNTED = ("cash", "move")
"""Kinds of which equal rows are as many events. An equal row of another kind says the same fact again."""

DEFAULT = "default"
"""The account of what names none."""

Added = Literal["new", "equal", "twice"]
"""An event of its own, another one with the same content, or one that the file has before."""


class SaysSomethingElse(Exception):
    """An earlier row has the id, and other content. The text is for people."""


class EventLines:
    """Adds the events of one file to its spool. Ids and contents are by value, however they are written."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._occurrences: dict[bytes, int] = {}

    def add(self, place: int, kind: str, at: str, members: Mapping[str, str]) -> tuple[Added, bytes]:
        """Add an event; and its line. Without the member `id` it gets one. Raises SaysSomethingElse."""
        said = {name: text for name, text in members.items() if name != "id"}
        content = row_digest(row_ids.earlier_event_content(kind, said))
        given, earlier = _given(kind, members)
        made = b"" if given else row_digest(row_ids.event_content(kind, said))
        if made:
            earlier = [row_id(row_digest(text)) for text in row_ids.earlier_event_contents(kind, said)]
        own_id = given or row_id(made)
        event = _event(place, kind, at, own_id, said, content, [one for one in earlier if one != own_id])
        before = self._spool.add_event(event)
        if before is None:
            return "new", event.line
        if given:
            if before.content != content:
                raise SaysSomethingElse(f"has the id of line {before.place}, and says something else")
            return "twice", event.line
        if kind not in COUNTED:
            return "twice", event.line
        while before is not None:
            number = self._occurrences[made] = self._occurrences.get(made, 1) + 1
            event = _event(place, kind, at, row_id(made, number), said, content)
            before = self._spool.add_event(event)
        return "equal", event.line


def _given(kind: str, members: Mapping[str, str]) -> tuple[str, list[str]]:
    """The id that the file gives, and another one that it had where the default account was named, or was not."""
    given = members.get("id", "")
    if not given or kind not in OF_ACCOUNTS or members.get("account", DEFAULT) != DEFAULT:
        return given, []
    bare = given.removeprefix(f"{DEFAULT}:")
    return bare, [f"{DEFAULT}:{bare}"]


def _event(
    place: int,
    kind: str,
    at: str,
    own_id: str,
    said: Mapping[str, str],
    content: bytes,
    earlier: Sequence[str] = (),
) -> EventLine:
    line = _encode(event_as_sent(EventRow(place, kind, {"id": own_id, **said})))
    owner = said.get("account", DEFAULT) if kind in OF_ACCOUNTS else ""
    return EventLine(place, at, kind, own_id, line, owner, content, earlier)


_encode = msgspec.json.Encoder().encode
