"""`trading-app export [FILE]`: writes trades from the app to a file, which `trading-app import` takes again."""

import argparse
import contextlib
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from trading_app.client import target
from trading_app.client.arguments import positive_integer
from trading_app.client.errors import ClientError, FileError, Unreachable, UsageError

FORMATS = ("ndjson", "csv", "json", "parquet")
INTERRUPTED = 130

_ENDINGS = {".csv": "csv", ".json": "json", ".jsonl": "ndjson", ".ndjson": "ndjson", ".parquet": "parquet"}
_FILTERS = ("since", "until", "symbol", "account", "strategy", "side")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `export`."""
    add = parser.add_argument
    add("file", metavar="FILE", nargs="?", default="-", help="where to write (default: -, standard output)")
    add("--format", choices=FORMATS, help="the format (default: that of the ending of FILE, else ndjson)")
    add("--since", metavar="TIME", help="trades at this time or later: RFC 3339 with a time zone, or Unix time")
    add("--until", metavar="TIME", help="trades before this time")
    add("--symbol", help="trades of this symbol, as it was sent")
    add("--account", help="trades of this account")
    add("--strategy", help="trades of this strategy")
    add("--side", choices=["buy", "sell"], help="buys, or sells")
    add("--order", choices=["asc", "desc"], default="asc", help="desc: the newest first (default: the oldest first)")
    add("--limit", type=positive_integer, metavar="TRADES", help="maximum of trades, up to 10000")
    add("--as-journaled", action="store_true", help="trades as they were sent, without regard to corrections")
    add("--all-events", action="store_true", help="cash, splits, openings and other events too; only for ndjson")
    add("--local-time", metavar="ZONE", help="one more column, the time in this zone, e.g. Europe/Berlin; only for csv")
    target.add_arguments(parser)


def run(arguments: argparse.Namespace, settings: target.Settings) -> int:
    """Write the file. Returns the exit code: 0 written, 1 refused or no answer, 2 wrong argument, 130 interrupted."""
    try:
        chosen = _format(arguments)
        pieces = _download(target.target(arguments, settings), _parameters(arguments, chosen))
        with _output(arguments.file) as out:
            for piece in _as_array(pieces) if chosen == "json" else pieces:
                out.write(piece)
    except ClientError as error:
        print(f"trading-app export: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python's own flush would fail again
        return 1
    except OSError as error:
        print(f"trading-app export: {arguments.file} can't be written: {error.strerror or error}", file=sys.stderr)
        return FileError.exit_code
    except KeyboardInterrupt:
        print("trading-app export: interrupted; nothing was written", file=sys.stderr)
        return INTERRUPTED
    if arguments.file != "-":
        print(f"written: {arguments.file}, {Path(arguments.file).stat().st_size:,} bytes")
    return 0


def _format(arguments: argparse.Namespace) -> str:
    """The format asked for. Raises UsageError."""
    ending = Path(arguments.file).suffix.lower()
    chosen: str = arguments.format or _ENDINGS.get(ending, "")
    if not chosen and ending:
        raise UsageError(
            f"{arguments.file}: the ending names none of the formats; choose --format {', '.join(FORMATS)}"
        )
    return chosen or "ndjson"


def _parameters(arguments: argparse.Namespace, chosen: str) -> dict[str, str]:
    """The parameters of GET /trades. JSON is made of NDJSON here: in one answer the app gives a page of it only."""
    given = {name: getattr(arguments, name) for name in (*_FILTERS, "limit", "local_time")}
    return {
        "format": "ndjson" if chosen == "json" else chosen,
        "order": arguments.order,
        "corrected": str(not arguments.as_journaled).lower(),
        "all_events": str(arguments.all_events).lower(),
        **{name: str(value) for name, value in given.items() if value is not None},
    }


def _download(app: target.Target, parameters: dict[str, str]) -> Iterator[bytes]:
    """The body of the answer. Raises ClientError, also where the answer ends too early."""
    # Imported here, so that the server, which imports this module, does not load httpx.
    import httpx  # noqa: PLC0415 -- see above

    from trading_app.client.delivery import connect, describe, refusal  # noqa: PLC0415 -- see above

    with connect(app) as client:
        try:
            with client.stream("GET", f"{app.url}/trades", params=parameters) as response:
                if not response.is_success:
                    response.read()
                    raise refusal(response)
                yield from response.iter_bytes()
        except httpx.RequestError as error:
            raise Unreachable(f"no complete answer from {app.url} ({describe(error)}); nothing was written") from None


def _as_array(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """NDJSON as a JSON array, one trade a line."""
    before, rest = b"[\n", b""
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            yield before + line
            before = b",\n"
    yield b"[]\n" if before == b"[\n" else b"\n]\n"


@contextlib.contextmanager
def _output(name: str) -> Iterator[BinaryIO]:
    """The file to write, which appears under its name once it is complete."""
    if name == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if Path(name).exists() and not Path(name).is_file():  # a device or a pipe has no place beside it
        with Path(name).open("wb") as out:
            yield out
        return
    number, part = tempfile.mkstemp(dir=Path(name).parent, prefix=f".{Path(name).name}.")
    try:
        with os.fdopen(number, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(part).replace(name)
    except BaseException:
        Path(part).unlink()
        raise
