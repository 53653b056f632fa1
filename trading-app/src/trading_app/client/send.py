"""`trading-app send FILE`: posts a file of trades to the app. Safe to repeat."""

import argparse
from collections.abc import Iterator

from trading_app.client import target
from trading_app.client.arguments import positive_integer, positive_number
from trading_app.client.batches import Line, gather
from trading_app.client.completion import Completion
from trading_app.client.errors import FileError
from trading_app.client.pace import batch_size
from trading_app.client.tally import Tally
from trading_app.client.trade_files import TradeFile

HOW_TO_CONTINUE = "it is safe to send the whole file again: the app counts what it has as duplicates"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `send`."""
    add = parser.add_argument
    add("file", metavar="FILE", help="NDJSON, a JSON array, or CSV with a header; gzip'd or not; - for standard input")
    add("--format", choices=["ndjson", "json", "csv"], help="the format of FILE (default: detected from its content)")
    add("--batch", type=positive_integer, default=1000, metavar="TRADES", help="trades in a request (default: 1000)")
    add("--rate", type=positive_number, metavar="TRADES", help="maximum trades a second (default: no limit)")
    add("--account", help="the account of trades without one")
    add("--strategy", help="the strategy of trades without one")
    add(
        "--source", default="", help="distinguishes files with equal lines that are different trades without a trade_id"
    )
    add("--max-wait", type=positive_number, metavar="SECONDS", help="give up after this time without a good answer")
    target.add_arguments(parser)


def run(arguments: argparse.Namespace, settings: target.Settings) -> int:
    """Send the file. Returns the exit code: 0 all sent, 1 refused or no answer, 2 not a trade file, 130 interrupted."""
    # Imported here, so that the server, which imports this module, loads neither httpx nor rich.
    from trading_app.client import transfer  # noqa: PLC0415 -- see above

    def work(tally: Tally) -> None:
        app = target.target(arguments, settings)
        with TradeFile(arguments.file, arguments.format) as file, _completion(arguments) as completion:
            batches = gather(lines(file, completion), batch_size(arguments.rate, arguments.batch))
            job = transfer.Job(app, batches, file.size, lambda: file.position, arguments.rate, arguments.max_wait)
            transfer.transfer(job, tally)
        if not tally.sent:
            raise FileError(f"{file.name}: there are no trades in it")

    return transfer.conclude(work, HOW_TO_CONTINUE)


def lines(file: TradeFile, completion: Completion) -> Iterator[Line]:
    """The file's trades, completed. Raises FileError."""
    for record in file.records():
        try:
            yield Line(completion.complete(record), record.place)
        except ValueError as error:
            raise FileError(f"{file.name}: {error}") from None


def _completion(arguments: argparse.Namespace) -> Completion:
    defaults = {name: getattr(arguments, name) for name in ("account", "strategy")}
    return Completion({name: value for name, value in defaults.items() if value}, arguments.source)
