"""`trading-app hook`: adds webhooks and rotates their secrets, tries messages, shows and takes those not readable."""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trading_app.client import target
from trading_app.client.arguments import zero_or_more
from trading_app.client.errors import ClientError, UsageError
from trading_app.environment import Settings
from trading_app.hooks.edit import add_hook, rotate
from trading_app.hooks.file import read_file
from trading_app.hooks.hook import Hook
from trading_app.hooks.preset import GENERIC, PRESETS
from trading_app.yaml_nodes import FileError

if TYPE_CHECKING:
    from trading_app.hooks.trial import Trial

DAY_NS = 86_400 * 1_000_000_000
GIVE_UP_SECONDS = 30.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    actions = parser.add_subparsers(
        dest="action", metavar="add | rotate | list | try | unread | take | drop", required=True
    )
    add = actions.add_parser("add", help="add a webhook to the file, and show its URL")
    add.add_argument("name", help="1 to 32 of a-z 0-9 _ -")
    add.add_argument("--preset", required=True, choices=PRESETS, help="what sends the messages")
    add.add_argument("--map", metavar="FILE", help=f"the mapping of the preset {GENERIC}")
    for option, said in (("account", "of its trades"), ("strategy", "of its trades"), ("currency", "of the P&L")):
        add.add_argument(f"--{option}", help=said)
    turn = actions.add_parser("rotate", help="make another secret; the earlier ones stay valid for a while")
    turn.add_argument("name")
    turn.add_argument(
        "--overlap", type=zero_or_more, default=7.0, metavar="DAYS", help="how long they do (default: %(default)g)"
    )
    actions.add_parser("list", help="show the webhooks of the file")
    trial = actions.add_parser("try", help="show what messages would become; nothing is sent")
    trial.add_argument("name", help="a webhook of the file, or a preset")
    trial.add_argument("file", type=Path, help="a message as it was sent, or a JSON array of messages; - for stdin")
    trial.add_argument("--json", action="store_true", help="print JSON, one object a message")
    unread = actions.add_parser("unread", help="show the messages that could not be read, with the reasons")
    unread.add_argument("name")
    unread.add_argument("--json", action="store_true", help="print JSON")
    target.add_arguments(unread)
    for action, said in (("take", "take such a message as the webhook is set up now"), ("drop", "forget it")):
        one = actions.add_parser(action, help=said)
        one.add_argument("name")
        one.add_argument("id", metavar="ID", help="the message's id, or `all`")
        if action == "take":
            one.add_argument("--map", metavar="FILE", type=Path, help="a mapping to read the message by, instead")
            one.add_argument("members", metavar="name=value", nargs="*", help="a member that the message misses")
        target.add_arguments(one)


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Run the command. Exit codes: 0 done; 1 a message can't be read, or the app refuses; 2 a wrong argument, file."""
    actions = {"add": _add, "rotate": _rotate, "list": _list, "try": _try}
    try:
        if arguments.action in actions:
            return actions[arguments.action](arguments, settings)
        return _ask(arguments, settings)
    except ClientError as error:
        print(f"trading-app hook: {error}", file=sys.stderr)
        return error.exit_code
    except (FileError, OSError) as error:
        print(f"trading-app hook: {error}", file=sys.stderr)
        return 2


def _add(arguments: argparse.Namespace, settings: Settings) -> int:
    members = {name: getattr(arguments, name) for name in ("preset", "map", "account", "strategy", "currency")}
    secret = add_hook(settings.hooks_file, arguments.name, {name: text for name, text in members.items() if text})
    _show_url(arguments.name, secret, settings)
    return 0


def _rotate(arguments: argparse.Namespace, settings: Settings) -> int:
    now_ns = time.time_ns()
    secret = rotate(settings.hooks_file, arguments.name, now_ns + round(arguments.overlap * DAY_NS), now_ns)
    _show_url(arguments.name, secret, settings)
    return 0


def _show_url(name: str, secret: str, settings: Settings) -> None:
    base = settings.public_url or target.address(settings.http_host, settings.http_port)
    print(f"{base}/hooks/{name}/{secret}")
    print(
        f"This is the webhook's URL. It is a secret, and not shown again; {settings.hooks_file} has only its digest."
        " A running app takes it within a few seconds.",
        file=sys.stderr,
    )


def _list(_arguments: argparse.Namespace, settings: Settings) -> int:
    hooks = read_file(settings.hooks_file)
    if not hooks:
        print("There are no webhooks; `trading-app hook add NAME --preset PRESET` makes one.", file=sys.stderr)
    for hook in hooks:
        ends = sum(secret.until_ns is not None for secret in hook.secrets)
        secrets = f"{len(hook.secrets)} secret{'' if len(hook.secrets) == 1 else 's'}" + (
            f", {ends} of them with an end" if ends else ""
        )
        print(f"{hook.name}: {hook.preset}, account {hook.account}, strategy {hook.strategy}, {secrets}")
    return 0


def _try(arguments: argparse.Namespace, settings: Settings) -> int:
    from trading_app.hooks.trial import split_messages, try_messages  # noqa: PLC0415 -- imports all of trading_files

    hook = _find(arguments.name, settings)
    content = sys.stdin.buffer.read() if str(arguments.file) == "-" else arguments.file.read_bytes()
    trials = try_messages(hook, split_messages(content), time.time_ns())
    for number, trial in enumerate(trials, 1):
        print(json.dumps(trial.document(), ensure_ascii=False) if arguments.json else f"{number}: {_said(trial)}")
    return 1 if any(trial.status == "unread" for trial in trials) else 0


def _said(trial: "Trial") -> str:
    if trial.status != "accepted":
        return f"{trial.status}: {trial.reason}"
    return "\n   ".join(
        " ".join(f"{name}={text}" for name, text in fill.items()) for fill in (*trial.fills, *trial.events)
    )


def _find(name: str, settings: Settings) -> Hook:
    hooks = {hook.name: hook for hook in read_file(settings.hooks_file)}
    if name in hooks:
        return hooks[name]
    if name in PRESETS:
        return Hook.of_preset(name)
    known = ", ".join(hooks) or "none"
    raise FileError(f"{settings.hooks_file} has no hook {name}: it has {known}; presets are {', '.join(PRESETS)}")


def _ask(arguments: argparse.Namespace, settings: Settings) -> int:
    from trading_app.client.delivery import Delivery  # noqa: PLC0415 -- httpx is needed only here

    path = f"/hooks/{arguments.name}/unread"
    with Delivery(target.target(arguments, settings), GIVE_UP_SECONDS) as delivery:

        def unread() -> tuple[list[dict[str, Any]], int]:
            found, waiting, after = list[dict[str, Any]](), 0, ""
            while after is not None:
                page = json.loads(delivery.deliver(f"{path}?after={after}", b"", {}, "GET"))
                found, waiting, after = found + page["messages"], page.get("waiting", 0), page["next_after"]
            return found, waiting

        if arguments.action == "unread":
            _show_unread(*unread(), as_json=arguments.json)
            return 0
        ids = [one["id"] for one in unread()[0]] if arguments.id == "all" else [arguments.id]
        more, headers = _more(arguments) if arguments.action == "take" else (b"", {})
        failed = 0
        for message in ids:
            try:
                answer = delivery.deliver(f"{path}/{message}/{arguments.action}", more, headers)
            except ClientError as error:
                failed += 1
                print(f"{message}: {error}", file=sys.stderr)
            else:
                print(f"{message}: {answer.decode() or 'dropped'}")
        return 1 if failed else 0


def _more(arguments: argparse.Namespace) -> tuple[bytes, dict[str, str]]:
    """What a person adds to a message: its body and headers."""
    words = arguments.members
    members = dict(word.partition("=")[::2] for word in words)
    if not all(members) or not all("=" in word for word in words):
        raise UsageError("members are written name=value")
    if arguments.map is None:
        return (json.dumps(members).encode(), {"Content-Type": "application/json"}) if members else (b"", {})
    if members:
        raise UsageError("--map and members exclude each other: write the members into the mapping")
    return arguments.map.read_bytes(), {"Content-Type": "application/yaml"}


def _show_unread(messages: list[dict[str, Any]], waiting: int, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(messages, ensure_ascii=False, indent=2))
        return
    for one in messages:
        times = one["times"]
        print(f"{one['id']}  {one['received_at']}  {times} time{'' if times == 1 else 's'}  {one['content_type']}")
        print(f"  {one['reason']}")
        print(f"  {one['body']!r}")
    print(f"{len(messages)} message{'' if len(messages) == 1 else 's'}", file=sys.stderr)
    if waiting:
        print(
            f"{waiting} more can be read, and wait to be taken: for the journal, or for WEBAPP_RATE_LIMIT",
            file=sys.stderr,
        )
