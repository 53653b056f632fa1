"""Answers to requests as ASGI messages, and request bodies from ASGI messages."""

from collections.abc import Sequence

import msgspec

from service_kit.content_encoding import decoded
from service_kit.http_types import Headers, Receive, Send
from service_kit.problems import Problem

JSON = b"application/json"


class Answer(msgspec.Struct, frozen=True):
    """A response: status, body, content type, and further headers except Content-Length."""

    status: int
    body: bytes
    content_type: bytes = JSON
    headers: Sequence[tuple[bytes, bytes]] = ()


def answer_problem(problem: Problem, request_id: str) -> Answer:
    """The answer to a refused request."""
    headers = [(name.encode(), value.encode("latin-1")) for name, value in problem.headers.items()]
    if problem.retry_after is not None:
        headers.append((b"retry-after", b"%d" % problem.retry_after))
    return Answer(problem.status, problem.document(request_id), b"application/problem+json", headers)


async def send_answer(answer: Answer, send: Send) -> None:
    """Send an answer in one piece."""
    headers = [(b"content-type", answer.content_type), (b"content-length", b"%d" % len(answer.body)), *answer.headers]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


async def read_body(headers: Headers, receive: Receive, maximum: int) -> bytes:
    """The whole body, decompressed, at most `maximum` bytes.

    Raises Problem: `too_large` as soon as that is known, `bad_request` if the client disconnects before the end, and
    whatever `content_encoding.decoded` raises.
    """
    problem = announced_too_large(headers, maximum)
    if problem is not None:
        raise problem
    parts, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Problem("bad_request", "the body ended before it was complete")
        part = message.get("body", b"")
        size += len(part)
        if size > maximum:
            raise too_large(maximum)
        parts.append(part)
        more = message.get("more_body", False)
    return decoded(headers, parts[0] if len(parts) == 1 else b"".join(parts), maximum)


def announced_too_large(headers: Headers, maximum: int) -> Problem | None:
    """The refusal of a body whose Content-Length exceeds `maximum`; None otherwise."""
    announced = headers.get(b"content-length", b"")
    return too_large(maximum) if announced.isdigit() and int(announced) > maximum else None


def too_large(maximum: int) -> Problem:
    """The refusal of a body with more than `maximum` bytes."""
    return Problem("too_large", f"a body has at most {maximum} bytes; send several, or raise WEBAPP_MAX_BODY_BYTES")
