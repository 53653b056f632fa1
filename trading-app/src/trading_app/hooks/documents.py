"""The answers of the calls for webhooks, and their schemas. No I/O."""

from collections.abc import Sequence
from typing import Any

import msgspec

from trading_app.hooks.hook import Hook
from trading_app.hooks.kept import Kept
from trading_app.hooks.outcome import Outcome
from trading_app.http.openapi import success

STATUSES = ("accepted", "known", "ignored", "waiting", "unread")

KEPT = ("waiting", "unread")
"""What is on disk, and not in the journal."""


_WHOLE = {"type": "integer", "minimum": 0}
_TEXT = {"type": "string"}
_OUTCOME = {
    "type": "object",
    "required": ["hook", "status"],
    "properties": {
        "hook": _TEXT,
        "status": {
            "enum": list(STATUSES),
            "description": "`accepted`: new trades. `known`: these trades were taken before. `ignored`: the message"
            " says nothing of a trade. `waiting`: the journal does not take it now; it is kept, and taken once it does."
            " `unread`: it can't be read, and is kept for a person.",
        },
        "accepted": {**_WHOLE, "description": "New trades."},
        "duplicates": {**_WHOLE, "description": "Trades that were in the journal already."},
        "first_seq": _WHOLE,
        "last_seq": _WHOLE,
        "reason": {**_TEXT, "description": "Why it was ignored, waits or can't be read, and what to add."},
        "id": {**_TEXT, "description": "The kept message's id."},
    },
}
_KEPT = {
    "type": "object",
    "required": ["id", "received_at", "content_type", "reason", "times", "body"],
    "properties": {
        "id": _TEXT,
        "received_at": {**_TEXT, "format": "date-time", "description": "When it arrived first."},
        "content_type": _TEXT,
        "reason": {**_TEXT, "description": "Why it can't be read, and what to add."},
        "times": {**_WHOLE, "description": "How often it arrived."},
        "body": {**_TEXT, "description": "As it was sent, but for secrets."},
    },
}
_HOOK = {
    "type": "object",
    "required": ["name", "preset", "account", "strategy", "unread", "waiting"],
    "properties": {
        "name": _TEXT,
        "preset": _TEXT,
        "account": _TEXT,
        "strategy": _TEXT,
        "unread": {**_WHOLE, "description": "Messages that wait for a person."},
        "waiting": {**_WHOLE, "description": "Messages that wait for the journal."},
    },
}


def _list_of(name: str, item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "required": [name], "properties": {name: {"type": "array", "items": item}}}


TAKEN = success("Taken, known or ignored", application_json=_OUTCOME)
TAKEN_OR_KEPT = {
    **TAKEN,
    202: {"description": "Kept for a person or the journal", "content": TAKEN[200]["content"]},
}
UNREAD = success("The messages, the oldest first", application_json=_list_of("messages", _KEPT))
_NEXT = {"type": ["string", "null"], "description": "`after` of the next page; null on the last."}
UNREAD[200]["content"]["application/json"]["schema"]["properties"] |= {
    "next_after": _NEXT,
    "waiting": {**_WHOLE, "description": "Further messages, which wait for the journal."},
}
HOOKS = success("The hooks", application_json=_list_of("hooks", _HOOK))


def outcome_document(hook: Hook, outcome: Outcome) -> dict[str, Any]:
    """What became of a message."""
    document: dict[str, Any] = {"hook": hook.name, "status": outcome.status}
    if outcome.counts is not None:
        document |= msgspec.structs.asdict(outcome.counts)
    if outcome.reason:
        document["reason"] = outcome.reason
    if outcome.kept is not None:
        document["id"] = outcome.kept.id
    return document


def unread_document(messages: Sequence[Kept], waiting: int, *, more: bool) -> dict[str, Any]:
    """A page of kept messages; `waiting` further ones wait for the journal."""
    names = ("id", "received_at", "content_type", "reason", "times", "body")
    return {
        "messages": [{name: getattr(kept, name) for name in names} for kept in messages],
        "next_after": messages[-1].id if more else None,
        "waiting": waiting,
    }


def hook_document(hook: Hook, unread: int, waiting: int) -> dict[str, Any]:
    """One hook, without its secrets; with the numbers of its messages that wait for a person and for the journal."""
    own = {name: getattr(hook, name) for name in ("name", "preset", "account", "strategy")}
    return own | {"unread": unread, "waiting": waiting}
