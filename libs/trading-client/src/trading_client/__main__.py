"""`python -m trading_client COMMAND SPOOL`: looks at a spool, or sends it without the bot.

    status SPOOL   what waits and what was refused
    send SPOOL     send what no running process has; exit code 1 if something is left
    retry SPOOL    send the refused lines again, after the cause is corrected

The token comes from the environment's TRADING_APP_TOKEN.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from trading_client.client import TradingClient
from trading_client.errors import TradingClientError
from trading_client.refused import RefusedLines
from trading_client.spool import left_over


def main() -> int:
    """Run the command. Exit codes: 0 done, 1 something is left or the spool can't be used, 2 a wrong argument."""
    arguments = _parser().parse_args()
    folder = Path(arguments.spool)
    if not folder.is_dir():
        print(f"trading_client: {folder} is not a folder", file=sys.stderr)
        return 2
    try:
        return _status(folder) if arguments.command == "status" else _send(folder, arguments)
    except ValueError as error:
        print(f"trading_client: {error}", file=sys.stderr)
        return 2
    except (TradingClientError, OSError) as error:
        print(f"trading_client: {error}", file=sys.stderr)
        return 1


def _status(folder: Path) -> int:
    found = list(left_over(folder))
    print(f"waiting: {sum(size for _, size in found):,} bytes in {len(found)} segments")
    for path, size in found:
        print(f"  {path.name}  {size:,} bytes")
    refused = RefusedLines(folder)
    print(f"refused: {refused.size():,} bytes in {refused.path}")
    return 0


def _send(folder: Path, arguments: argparse.Namespace) -> int:
    with TradingClient(arguments.url, spool=folder, exit_timeout=0) as client:
        if arguments.command == "retry":
            print(f"put back: {client.retry_refused()} lines")
        done = client.flush(arguments.timeout)
        status = client.status()
    print(f"accepted: {status.accepted}, duplicates: {status.duplicates}, refused: {status.refused}")
    for refusal in status.last_refusals:
        print(f"  refused: {refusal.line}: {refusal.reason}")
    if not done:
        print(f"trading_client: {status.waiting_bytes:,} bytes are left; {status.trouble}", file=sys.stderr)
    return 0 if done and not status.refused else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m trading_client", description="Looks at a spool, or sends it without the bot."
    )
    parser.add_argument("command", choices=["status", "send", "retry"])
    parser.add_argument("spool", help="the folder")
    parser.add_argument("--url", default="http://127.0.0.1:8000", help="the app's address (default: %(default)s)")
    parser.add_argument("--timeout", type=float, default=60.0, help="maximum seconds (default: %(default)g)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
