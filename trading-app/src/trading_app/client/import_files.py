"""`trading-app import FILE…`: shows what a trader's file would change, and takes it. Safe to repeat."""

import argparse
import sys

from trading_app.client import target
from trading_app.client.arguments import positive_number
from trading_app.client.errors import ClientError

INTERRUPTED = 130


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `import`."""
    add = parser.add_argument
    add("files", metavar="FILE", nargs="+", help="as it was exported: CSV, TSV, JSON, XML, XLSX, HTML; zip, gzip; -")
    add("--dry-run", action="store_true", help="show what would change, and take nothing")
    add("--yes", action="store_true", help="take it without asking")
    add("--json", action="store_true", help="print the report as JSON, an object a file")
    add("--from", dest="preset", metavar="PRESET", default="", help="the source, where the columns do not show it")
    add("--map", dest="map_file", metavar="FILE", help="a mapping of the columns (docs/importing.md)")
    add("--timezone", metavar="ZONE", default="", help="of times without a zone: Europe/Berlin, or +02:00")
    add("--date-order", choices=["dmy", "mdy", "ymd"], default="", help="of dates such as 03/04/2026")
    add("--decimal", metavar="SIGN", choices=[".", ","], default="", help="the decimal sign, a point or a comma")
    add("--account", default="", help="the account of all rows")
    add("--strategy", default="", help="the strategy of all rows")
    add("--venue", default="", help="the venue of all rows")
    add("--symbol", default="", help="the symbol, for a file that names none")
    add("--currency", default="", help="the P&L's currency, where neither the row nor the symbol names it")
    add("--contract-size", metavar="SYMBOL=SIZE", action="append", default=[], help="units in a lot; may be repeated")
    add("--opening", metavar="SYMBOL=QTY@AVERAGE", action="append", default=[], help="what was held before the file")
    add("--revive", action=argparse.BooleanOptionalAction, help="count rows again that were taken back, or leave them")
    add("--probably-known", choices=["skip", "take"], default="", help="rows that are probably in the ledger already")
    add("--different", choices=["skip"], default="", help="keep the ledger's fills where rows say something else")
    add("--max-wait", type=positive_number, metavar="SECONDS", help="give up after this time without a good answer")
    target.add_arguments(parser)


def run(arguments: argparse.Namespace, settings: target.Settings) -> int:
    """Import the files. Returns the exit code: 0 imported, or a dry run without questions; 1 refused or no answer;
    2 a wrong argument; 3 a question that only the user can answer; 130 interrupted. Of several files, the highest.
    """
    # Imported here, so that the server, which imports this module, loads neither httpx nor rich.
    from trading_app.client.importer import Importer  # noqa: PLC0415 -- see above

    try:
        with Importer(arguments, target.target(arguments, settings)) as importer:
            return max([importer.import_file(name) for name in arguments.files])
    except ClientError as error:
        print(f"trading-app import: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("trading-app import: interrupted; run the same command again to take the rest", file=sys.stderr)
        return INTERRUPTED
