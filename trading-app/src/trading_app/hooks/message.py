"""Reads the body of a webhook to a flat record: members by name, values as the text that was sent. No I/O.

Senders write a form, a JSON object, or a JSON object as plain text. Members within members have dotted names:
`fee.cost`; what is null or empty is missing. The digits of JSON numbers stay as they are.
"""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from trading_app.hooks.readings import Unreadable
from trading_files.errors import FileRefused
from trading_files.reading.flat import flatten

Record = Mapping[str, str]

MAX_MEMBERS = 200

_FORM = "application/x-www-form-urlencoded"


def read_record(body: bytes, content_type: str) -> Record:
    """The members of a message. Raises Unreadable."""
    try:
        text = body.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise Unreadable("the message is not text in UTF-8") from None
    if not text:
        raise Unreadable("the message is empty")
    if content_type.partition(";")[0].strip().lower() == _FORM and text[0] not in "{[":
        return _read_form(text)
    if text[0] == "[":
        raise Unreadable("the message is a JSON array; send one JSON object in each request")
    if text[0] != "{":
        raise Unreadable("the message is plain text; write a JSON object, as docs/webhooks.md shows for each sender")
    return _read_json(text)


def _read_form(text: str) -> Record:
    try:
        pairs = parse_qsl(
            text, keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=MAX_MEMBERS
        )
    except (ValueError, UnicodeDecodeError):
        raise Unreadable(f"the message is not a form with at most {MAX_MEMBERS} fields") from None
    return {name: text for name, value in _members(pairs).items() if (text := value.strip())}


def _read_json(text: str) -> Record:
    try:  # not strict: templates put texts with line breaks between quotes as they are
        tree = json.loads(
            text, parse_float=str, parse_int=str, parse_constant=str, object_pairs_hook=_members, strict=False
        )
        record = flatten(tree)
    except (ValueError, RecursionError, FileRefused) as error:
        raise Unreadable(f"the message is not JSON: {error}") from None
    if len(record) > MAX_MEMBERS:
        raise Unreadable(f"the message has more than {MAX_MEMBERS} members")
    return record


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for name, value in pairs:
        if name in members:
            raise Unreadable(f"the member {name[:64]!r} is there twice")
        members[name] = value
    return members
