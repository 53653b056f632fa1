"""`trading-app imports list`, `trading-app imports undo ID`: the imports of the ledger, and taking one back."""

import argparse
import sys
from urllib.parse import quote

import msgspec

from trading_app.client import target
from trading_app.client.arguments import positive_integer
from trading_app.client.errors import ClientError

GIVE_UP_SECONDS = 30.0


class _Import(msgspec.Struct):
    id: str
    seq: int
    name: str
    taken: int
    at: str
    in_force: bool
    preset: str | None = None
    account: str | None = None
    who: str | None = None
    void: int | None = None


class _Page(msgspec.Struct):
    imports: list[_Import]


class _Undone(msgspec.Struct):
    last_seq: int


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `imports`."""
    actions = parser.add_subparsers(dest="action", metavar="list | undo", required=True)
    listing = actions.add_parser("list", help="list imports, the newest first")
    listing.add_argument("--limit", type=positive_integer, default=100, help="how many (default: 100)")
    listing.add_argument("--json", action="store_true", help="print the app's answer as it is")
    undo = actions.add_parser("undo", help="take an import back as a whole: its fills count no longer")
    undo.add_argument("id", metavar="ID", help="of the import, as `imports list` shows it")
    for each in (listing, undo):
        target.add_arguments(each)


def run(arguments: argparse.Namespace, settings: target.Settings) -> int:
    """Returns the exit code: 0 done, 1 refused or no answer, 2 a wrong argument, 130 interrupted."""
    # Imported here, so that the server, which imports this module, does not load httpx.
    from trading_app.client.delivery import Delivery  # noqa: PLC0415 -- see above

    try:
        with Delivery(target.target(arguments, settings), GIVE_UP_SECONDS) as delivery:
            if arguments.action == "undo":
                answer = delivery.deliver(f"/imports/{quote(arguments.id, safe='')}/undo", b"", {})
                last = msgspec.json.decode(answer, type=_Undone).last_seq
                print(f"taken back by event {last}; `trading-app import FILE --revive` counts the rows again")
            else:
                answer = delivery.deliver(f"/imports?limit={min(arguments.limit, 1000)}", b"", {}, method="GET")
                print(answer.decode() if arguments.json else "\n".join(_lines(answer)))
    except ClientError as error:
        print(f"trading-app imports: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("trading-app imports: interrupted", file=sys.stderr)
        return 130
    return 0


def _lines(answer: bytes) -> list[str]:
    found = msgspec.json.decode(answer, type=_Page).imports
    return [_line(one) for one in found] or ["no file was imported yet"]


def _line(one: _Import) -> str:
    state = "" if one.in_force else f", taken back by event {one.void}"
    by = f" by {one.who}" if one.who else ""
    of = f", account {one.account}" if one.account else ""
    return f"{one.at} {one.id}: {one.name} [{one.preset or '-'}]{of}, {one.taken:,} taken{by}{state}"
