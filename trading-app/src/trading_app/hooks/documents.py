"""The answers of the calls for webhooks, and their schemas. No I/O."""

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from trading_app.hooks.hook import Hook
from trading_app.hooks.kept import Kept
from trading_app.hooks.outcome import Outcome
from trading_app.http.openapi import schema_of, success

KEPT = ("waiting", "unread")
"""Statuses of what is on disk, and not in the journal."""

Status = Annotated[
    Literal["accepted", "known", "ignored", "waiting", "unread"],
    Meta(
        description="`accepted`: new trades. `known`: these trades were taken before. `ignored`: the message says"
        " nothing of a trade. `waiting`: it can't be taken now; it is kept, and taken once it can. `unread`: it can't"
        " be read, and is kept for a person."
    ),
]


class Taken(msgspec.Struct, frozen=True):
    """What became of a message."""

    hook: str
    status: Status
    accepted: Annotated[int, Meta(ge=0, description="New trades.")] | UnsetType = UNSET
    duplicates: Annotated[int, Meta(ge=0, description="Trades that were in the journal already.")] | UnsetType = UNSET
    first_seq: Annotated[int, Meta(ge=0)] | UnsetType = UNSET
    last_seq: Annotated[int, Meta(ge=0)] | UnsetType = UNSET
    reason: (
        Annotated[str, Meta(description="Why it was ignored, waits or can't be read, and what to add.")] | UnsetType
    ) = UNSET
    id: Annotated[str, Meta(description="The kept message's id.")] | UnsetType = UNSET

    @classmethod
    def of(cls, hook: Hook, outcome: Outcome) -> "Taken":
        """The answer to a message of this hook."""
        counts = {} if outcome.counts is None else msgspec.structs.asdict(outcome.counts)
        kept = UNSET if outcome.kept is None else outcome.kept.id
        return cls(hook.name, outcome.status, **counts, reason=outcome.reason or UNSET, id=kept)  # type: ignore[arg-type]  # one of them


class KeptDocument(msgspec.Struct, frozen=True):
    """A message that waits for a person."""

    id: str
    received_at: Annotated[str, Meta(description="When it arrived first.", extra_json_schema={"format": "date-time"})]
    content_type: str
    reason: Annotated[str, Meta(description="Why it can't be read, and what to add.")]
    times: Annotated[int, Meta(ge=0, description="How often it arrived.")]
    body: Annotated[str, Meta(description="As it was sent, but for secrets.")]


class KeptPage(msgspec.Struct, frozen=True):
    """A page of kept messages."""

    messages: Sequence[KeptDocument]
    next_after: Annotated[str | None, Meta(description="`after` of the next page; null on the last.")]
    waiting: Annotated[int, Meta(ge=0, description="Further messages, which wait to be taken.")]

    @classmethod
    def of(cls, messages: Sequence[Kept], waiting: int, *, more: bool) -> "KeptPage":
        """A page of these messages; `waiting` further ones wait to be taken."""
        shown = [msgspec.convert(one, KeptDocument, from_attributes=True) for one in messages]
        return cls(shown, messages[-1].id if more else None, waiting)


class HookDocument(msgspec.Struct, frozen=True):
    """One hook, without its secrets."""

    name: str
    preset: str
    account: str
    strategy: str
    unread: Annotated[int, Meta(ge=0, description="Messages that wait for a person.")]
    waiting: Annotated[int, Meta(ge=0, description="Messages that wait to be taken.")]

    @classmethod
    def of(cls, hook: Hook, unread: int, waiting: int) -> "HookDocument":
        """A hook, with the numbers of its messages that wait for a person, and to be taken."""
        return cls(hook.name, hook.preset, hook.account, hook.strategy, unread, waiting)


class Hooks(msgspec.Struct, frozen=True):
    """All hooks."""

    hooks: Sequence[HookDocument]


TAKEN = success("Taken, known or ignored", application_json=schema_of(Taken))
TAKEN_OR_KEPT = {
    **TAKEN,
    202: {"description": "Kept for a person, or until it can be taken", "content": TAKEN[200]["content"]},
}
UNREAD = success("The messages, the oldest first", application_json=schema_of(KeptPage))
HOOKS = success("The hooks", application_json=schema_of(Hooks))
