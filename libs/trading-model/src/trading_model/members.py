"""Members of an event as a client sends them: how each is read, and what is wrong with them. No I/O."""

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from trading_model.field_rules import FieldError
from trading_model.fields import Schema
from trading_model.kind_rules import Rule

Complaint = tuple[str, str]
"""The member, with a slash before an inner one (`from/quantity`), and what is wrong with it."""

Texts = Mapping[str, str]
"""JSON text by the name of the member."""


@dataclass(frozen=True, slots=True)
class Member:
    """One member of an event's content.

    `read` gives the JSON that is journaled; a member with `members` is an object of its own. `default` gives, by the
    current time in Unix nanoseconds, what is journaled if the client sent no value. A member that is not `journaled`
    is about the request alone.
    """

    name: str
    read: Rule
    schema: Schema
    required: bool = False
    default: Callable[[int], str] | None = None
    members: "tuple[Member, ...]" = ()
    journaled: bool = True


MAX_UNKNOWN = 10
"""Maximum number of unknown members named for one event. A hostile one may have a million."""


def read_members(members: Sequence[Member], given: Mapping[str, msgspec.Raw], now_ns: int) -> "Reading":
    """Check what a client sent for these members. A value of null is no value."""
    reading = Reading({}, set(), [])
    for each in members:
        raw = bytes(given.get(each.name, b"null"))
        if raw != b"null":
            _read(each, raw, now_ns, reading)
        elif each.required:
            reading.complaints.append((each.name, "is missing"))
        elif each.default is not None:
            reading.texts[each.name] = each.default(now_ns)
            reading.made.add(each.name)
    return reading


@dataclass(slots=True)
class Reading:
    """The JSON text of each member that has a value, which of them were not sent, and what is wrong."""

    texts: dict[str, str]
    made: set[str]
    complaints: list[Complaint]


def _read(member: Member, raw: bytes, now_ns: int, reading: Reading) -> None:
    try:
        if not member.members:
            text = member.read(raw, now_ns)
            if text:  # an empty list is no value
                reading.texts[member.name] = text
            return
        given = _decode_object(raw)
    except FieldError as error:
        reading.complaints.append((member.name, str(error)))
    except (msgspec.MsgspecError, UnicodeDecodeError):
        reading.complaints.append((member.name, "must be a JSON object"))
    else:
        inner = read_members(member.members, given, now_ns)
        known = [each.name for each in member.members]
        inner.complaints += unknown_members(given, known)
        reading.complaints += [(f"{member.name}/{name}", detail) for name, detail in inner.complaints]
        reading.texts[member.name] = object_text(inner.texts)


def unknown_members(given: Iterable[str], known: Sequence[str]) -> list[Complaint]:
    """A complaint about each member that is not known, at most MAX_UNKNOWN of them."""
    strange = itertools.islice((name for name in given if name not in known), MAX_UNKNOWN)
    return [(name[:64], f"is not known; the members are {', '.join(known)}") for name in strange]


def object_text(texts: Texts) -> str:
    """The JSON object with these members."""
    return "{" + ",".join([f'"{name}":{text}' for name, text in texts.items()]) + "}"


def object_schema(members: Sequence[Member]) -> dict[str, Any]:
    """The JSON schema of the object with these members."""
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [each.name for each in members if each.required],
        "properties": {each.name: each.schema for each in members},
    }


_decode_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
