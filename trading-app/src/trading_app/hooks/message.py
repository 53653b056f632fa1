"""Reads the body of a webhook to a flat record: members by name, values as the text that was sent. No I/O.

Senders write a form, a JSON object, or a JSON object as plain text. Members within members have dotted names:
`fee.cost`. The digits of JSON numbers stay as they are.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from trading_app.hooks.readings import Unreadable

Record = Mapping[str, str]

MAX_MEMBERS = 200
MAX_DEPTH = 8

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
    return _unique((name, value.strip()) for name, value in pairs)


def _read_json(text: str) -> Record:
    try:
        tree = json.loads(
            text,
            parse_float=str,
            parse_int=str,
            parse_constant=_refuse_constant,
            object_pairs_hook=_Pairs,
            strict=False,
        )
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"the message is not JSON: {error}") from None
    return _unique(_flatten(tree, "", 1))


class _Pairs(list[tuple[str, Any]]):
    """The members of a JSON object in their order, repeated ones too."""


def _flatten(tree: _Pairs, prefix: str, depth: int) -> Iterator[tuple[str, str]]:
    if depth > MAX_DEPTH:
        raise Unreadable(f"the message has more than {MAX_DEPTH} objects within one another")
    for name, value in tree:
        path = f"{prefix}{name}"
        if isinstance(value, _Pairs):
            yield from _flatten(value, f"{path}.", depth + 1)
        elif isinstance(value, list):
            yield from _flatten(_Pairs((str(index), item) for index, item in enumerate(value)), f"{path}.", depth + 1)
        elif value is not None:
            yield path, ("true" if value else "false") if isinstance(value, bool) else value.strip()


def _unique(members: Iterator[tuple[str, str]]) -> Record:
    record: dict[str, str] = {}
    for name, value in members:
        if name in record:
            raise Unreadable(f"the member {name[:64]} is there twice")
        record[name] = value
        if len(record) > MAX_MEMBERS:
            raise Unreadable(f"the message has more than {MAX_MEMBERS} members")
    return record


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number of JSON")


def missing(record: Record, names: Sequence[str]) -> list[str]:
    """The members of these that the record has no value for."""
    return [name for name in names if not record.get(name)]
