"""POST /hooks/…, which senders call, and the calls for the messages that could not be read."""

from collections.abc import AsyncGenerator
from typing import Annotated, Any

import msgspec
from fastapi import FastAPI, Path, Query, Request
from starlette.responses import Response

from service_kit.content_encoding import decoded
from service_kit.http_types import Headers, Receive
from service_kit.problems import Problem
from service_kit.responses import read_body
from trading_app.context import Context
from trading_app.hooks.documents import HOOKS, KEPT, TAKEN, TAKEN_OR_KEPT, UNREAD, HookDocument, Hooks, KeptPage, Taken
from trading_app.hooks.hook import Hook
from trading_app.hooks.intake import HookIntake
from trading_app.http.openapi import ACCESS_CODES, problem_responses
from trading_app.http.parameters import KNOWN_PARAMETERS_ONLY
from trading_app.intake.service import media_type
from trading_app.outgoing import PacedResponse, Piece
from trading_app.problems import TradeProblem

MAX_MESSAGE_BYTES = 65_536
SHOWN_BYTES = 1_024
"""What is kept of a larger message, for a person."""

MAX_PAGE_MESSAGES = 100

OWN_SECRET: dict[str, object] = {"security": []}  # the hook's secret takes the place of a token
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"type": "object"}},
            "application/x-www-form-urlencoded": {"schema": {"type": "object"}},
            "text/plain": {"schema": {"type": "string", "description": "A JSON object as text."}},
        },
    }
}
MAPPING = "application/yaml"
MORE: dict[str, Any] = {
    "requestBody": {
        "required": False,
        "content": {
            "application/json": {"schema": {"type": "object", "additionalProperties": {"type": "string"}}},
            MAPPING: {"schema": {"type": "string", "description": "A mapping (docs/mapping.md) for this message."}},
        },
    }
}
HOOK_CODES = ("unauthorized", "too_many_attempts", "not_found", "not_kept")
COMMIT_CODES = ("overloaded", "not_ready", "store_busy", "stream_failed")

Name = Annotated[str, Path(max_length=32, pattern="^[a-z0-9_-]+$", description="The hook's name.")]
Secret = Annotated[str, Path(description="The hook's secret.")]
After = Annotated[str, Query(max_length=64, description="Return the messages after the one with this `id`.")]
Limit = Annotated[int, Query(ge=1, le=MAX_PAGE_MESSAGES)]
MessageId = Annotated[str, Path(max_length=64, description="The kept message's `id`.")]


def add_to(api: FastAPI, context: Context, intake: HookIntake) -> None:
    """Add the calls."""
    _add_calls_of_senders(api, context, intake)
    _add_calls_of_people(api, context, intake)


def _add_calls_of_senders(api: FastAPI, context: Context, intake: HookIntake) -> None:

    async def take(name: str, request: Request) -> Response:
        headers = dict(request.scope["headers"])
        maximum = min(MAX_MESSAGE_BYTES, context.settings.max_body_bytes)
        body, obstacle = await _read(headers, request.receive, maximum)
        content_type = headers.get(b"content-type", b"").decode("latin-1")
        hook = _find(intake, name)  # after the body's arrival, during which the hook may have been removed
        outcome = await intake.take(hook, request.scope["state"]["caller"], body, content_type, obstacle)
        return _answer(Taken.of(hook, outcome), 202 if outcome.status in KEPT else 200)

    @api.post(
        "/hooks/{name}/{secret}",
        tags=["webhooks"],
        summary="Send a message to a webhook",
        responses=TAKEN_OR_KEPT | problem_responses(*HOOK_CODES, *COMMIT_CODES, "invalid_parameter"),
        openapi_extra=BODY | OWN_SECRET,
    )
    async def take_message(name: Name, secret: Secret, request: Request) -> Response:  # noqa: ARG001 -- checked before
        """200: taken, known or ignored. 202: kept, for a person since it can't be read, or until it can be taken.
        docs/webhooks.md has the senders.
        """
        return await take(name, request)

    @api.post(
        "/hooks/{name}",
        tags=["webhooks"],
        summary="The same with the secret beside the path: HTTP Basic or ?token=, where the hook allows it",
        responses=TAKEN_OR_KEPT | problem_responses(*HOOK_CODES, *COMMIT_CODES, "invalid_parameter"),
        openapi_extra=BODY | OWN_SECRET,
    )
    async def take_message_beside(name: Name, request: Request) -> Response:
        """The hook's `secret_in` says where its secret may be."""
        return await take(name, request)


def _add_calls_of_people(api: FastAPI, context: Context, intake: HookIntake) -> None:
    @api.get(
        "/hooks",
        tags=["webhooks"],
        summary="The webhooks, and how many messages each keeps",
        dependencies=KNOWN_PARAMETERS_ONLY,
        responses=HOOKS | problem_responses(*ACCESS_CODES, "invalid_parameter"),
    )
    async def list_hooks() -> Response:
        """The webhooks as config/webhooks.yml has them, without their secrets."""
        unread, waiting = context.metrics.hook_unread, context.metrics.hook_waiting
        hooks = intake.hooks.values()
        return _answer(Hooks([HookDocument.of(one, unread[one.name], waiting[one.name]) for one in hooks]))

    @api.get(
        "/hooks/{name}/unread",
        tags=["webhooks"],
        summary="The messages that a webhook could not read, with the reasons",
        dependencies=KNOWN_PARAMETERS_ONLY,
        responses=UNREAD | problem_responses(*ACCESS_CODES, "not_found", "invalid_parameter", "too_many_answers"),
    )
    async def unread(name: Name, after: After = "", limit: Limit = MAX_PAGE_MESSAGES) -> Response:
        """Messages are kept until they are taken or dropped. `next_after` is null on the last page."""
        hook = _find(intake, name)
        context.outgoing.check()
        return PacedResponse(_page(context, intake, hook, after, limit), "application/json")

    @api.post(
        "/hooks/{name}/unread/{message}/take",
        tags=["webhooks"],
        summary="Take a kept message as the webhook is set up now",
        dependencies=KNOWN_PARAMETERS_ONLY,
        responses=TAKEN
        | problem_responses(
            *ACCESS_CODES,
            *COMMIT_CODES,
            "damaged_history",
            "not_found",
            "invalid_parameter",
            "not_json",
            "too_large",
            "unsupported_encoding",
            "invalid_trade",
        ),
        openapi_extra=MORE,
    )
    async def take_kept(name: Name, message: MessageId, request: Request) -> Response:
        """Needs the scope correct. The body, if there is one, has members that the message misses; or, as YAML, a
        mapping by which this message is read. The message is forgotten once its trades are in the journal.
        """
        headers = dict(request.scope["headers"])
        body = await read_body(headers, request.receive, MAX_MESSAGE_BYTES)
        hook = _find(intake, name)
        is_mapping = media_type(headers) == MAPPING.encode()
        more, mapping = ({}, _text(body)) if is_mapping else (_more(body), "")
        outcome = await intake.take_kept(hook, request.scope["state"]["caller"], message, more, mapping)
        return _answer(Taken.of(hook, outcome))

    @api.post(
        "/hooks/{name}/unread/{message}/drop",
        tags=["webhooks"],
        summary="Forget a kept message",
        status_code=204,
        dependencies=KNOWN_PARAMETERS_ONLY,
        responses=problem_responses(*ACCESS_CODES, "not_found", "invalid_parameter"),
    )
    async def drop(name: Name, message: MessageId) -> None:
        """Needs the scope correct."""
        await intake.drop(_find(intake, name), message)


async def _read(headers: Headers, receive: Receive, maximum: int) -> tuple[bytes, str]:
    """A message, and why that is not all that was sent; empty if it is. Raises Problem (`bad_request`) if its sender is
    gone before the end.
    """
    body, more = bytearray(), True
    while more and len(body) <= maximum:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Problem("bad_request", "the body ended before it was complete")
        body += message.get("body", b"")
        more = message.get("more_body", False)
    if len(body) > maximum:
        return bytes(body[:SHOWN_BYTES]), f"it has more than {maximum} bytes; only its first {SHOWN_BYTES} are kept"
    try:
        return decoded(headers, bytes(body), maximum), ""
    except Problem as problem:
        return bytes(body), problem.detail


async def _page(
    context: Context, intake: HookIntake, hook: Hook, after: str, limit: int
) -> AsyncGenerator[Piece, None]:
    """A page of kept messages, within the budget of answers that clients have not read."""
    async with context.outgoing.hold():
        messages, more = await intake.unread(hook, after, limit)
        waiting = context.metrics.hook_waiting.get(hook.name, 0)
        yield msgspec.json.encode(KeptPage.of(messages, waiting, more=more)), True


def _more(body: bytes) -> dict[str, str]:
    if not body.strip():
        return {}
    try:
        return msgspec.json.decode(body, type=dict[str, str])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise TradeProblem("not_json", f"send an object of members and their texts: {error}") from None


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise TradeProblem("invalid_parameter", "the mapping is not UTF-8") from None


def _find(intake: HookIntake, name: str) -> Hook:
    hook = intake.hooks.get(name)
    if hook is None:
        raise Problem("not_found", f"there is no hook {name}; the hooks are in config/webhooks.yml")
    return hook


def _answer(document: msgspec.Struct, status: int = 200) -> Response:
    return Response(msgspec.json.encode(document), status, media_type="application/json")
