"""`trading-app event KIND name=value …`: sends one event that is not a trade. Safe to repeat while it runs."""

import argparse
import json
import secrets
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from trading_app.client import target
from trading_app.client.arguments import positive_number
from trading_app.client.errors import ClientError, Refused, UsageError
from trading_model.kind_members import KINDS
from trading_model.members import Member

GIVE_UP_SECONDS = 30.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `event`."""
    parser.description = "\n".join(
        [
            "Sends one event that is not a trade. The kinds and their members, those in brackets optional:",
            "",
            *(f"  {name:11}{_members(name)}" for name in KINDS),
            "",
            "Members of `from` and `to` are written from.account=… . A value of several parts is written name=a,b .",
        ]
    )
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add = parser.add_argument
    add("kind", metavar="KIND", help=", ".join(KINDS))
    add("members", metavar="name=value", nargs="*", help="a member of the event")
    add("--dry-run", action="store_true", help="print the JSON that would be sent, and send nothing")
    add(
        "--max-wait",
        type=positive_number,
        default=GIVE_UP_SECONDS,
        metavar="SECONDS",
        help="give up after this time without an answer (default: %(default)g)",
    )
    target.add_arguments(parser)


def run(arguments: argparse.Namespace, settings: target.Settings) -> int:
    """Send the event. Returns the exit code: 0 accepted, 1 refused or no answer, 2 wrong argument, 130 interrupted."""
    try:
        event = read_event(arguments.kind, arguments.members)
        if arguments.dry_run:
            print(json.dumps(event, ensure_ascii=False))
        else:
            print(_send(event, target.target(arguments, settings), arguments.max_wait))
    except ClientError as error:
        print(f"trading-app event: {error}", file=sys.stderr)
        if isinstance(error, Refused):
            for problem in error.problems[1:]:
                print(f"  {problem.field} {problem.detail}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("trading-app event: interrupted; see GET /events for whether it was accepted", file=sys.stderr)
        return 130
    return 0


def read_event(kind: str, words: Sequence[str]) -> dict[str, Any]:
    """The event that the arguments say. Raises UsageError. The app checks its members."""
    if kind not in KINDS:
        raise UsageError(f"{kind!r} is not a kind: {', '.join(KINDS)}")
    event: dict[str, Any] = {"kind": kind}
    members = {each.name: each for each in KINDS[kind].members}
    for word in words:
        name, equals, text = word.partition("=")
        outer, _, inner = name.partition(".")
        if not equals or not name:
            raise UsageError(f"{word!r} is not name=value")
        if outer not in KINDS[kind].names or outer == "kind":
            raise UsageError(f"{outer!r} is not a member of {kind}: {', '.join(KINDS[kind].names[1:])}")
        nested = bool(outer in members and members[outer].members)
        if nested != bool(inner):
            form = f"{outer}.account=…" if nested else f"{outer}=…"
            raise UsageError(f"{word!r}: write {form}")
        place: dict[str, Any] = event.setdefault(outer, {}) if nested else event
        if (inner or outer) in place:
            raise UsageError(f"{name} is given twice")
        place[inner or outer] = _value(members.get(outer), text)
    return event


def _value(member: Member | None, text: str) -> Any:
    """A member's value as JSON has it. Numbers stay text, so that their digits stay."""
    if member is None or member.members:
        return text
    types = member.schema.get("type", ())
    if "boolean" in types:
        return {"true": True, "false": False}.get(text.lower(), text)
    if "array" in types:
        return [part.strip() for part in text.split(",")] if text else []
    return text


def _send(event: Mapping[str, Any], app: target.Target, max_wait: float) -> str:
    # Imported here, so that the server, which imports this module, does not load httpx.
    from trading_app.client.delivery import Delivery  # noqa: PLC0415 -- see above

    body = json.dumps(event).encode()
    with Delivery(app, max_wait) as delivery:
        # One key for all attempts: if an answer gets lost, the next attempt is recognised as the same request.
        answer = delivery.deliver(
            "/events", body, {"Content-Type": "application/json", "Idempotency-Key": secrets.token_hex(16)}
        )
    return answer.decode(errors="replace")


def _members(kind: str) -> str:
    known = KINDS[kind]
    needed = {each.name for each in known.members if each.required} | (
        {"target"} if known.target == "required" else set()
    )
    return " ".join(name if name in needed else f"[{name}]" for name in known.names[1:])
