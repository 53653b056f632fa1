"""One file after another through the dry run and, on a yes, into the ledger."""

import argparse
import shutil
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

import msgspec

from trading_app.client.app_ledger import AppLedger
from trading_app.client.delivery import Failure
from trading_app.client.errors import FileError, Problem, Refused, Unreachable, UsageError
from trading_app.client.import_text import lines_of, result_line
from trading_app.client.interrupt import on_interrupt
from trading_app.client.steps import Steps, steps
from trading_app.client.target import Target
from trading_app.client.transfer import SECONDS_BETWEEN_NOTES
from trading_app.imports.ledger import CallRefused, Ledger, Unanswered
from trading_app.imports.options import Opening, Options
from trading_app.imports.plan import Plan, make_plan
from trading_app.imports.report import Asked, Remark, Result
from trading_app.imports.spool import Spool
from trading_app.imports.taking import take
from trading_files.errors import MappingRefused, UnreadableValue
from trading_files.values.zones import find_zone
from trading_model.field_rules import FieldError, check_currency, check_name, check_symbol

OK, REFUSED, QUESTION = 0, 1, 3
MAX_MAPPING_BYTES = 1_000_000


class Importer:
    """Imports files by the same arguments; a context manager. Each file is an import of its own."""

    def __init__(self, arguments: argparse.Namespace, app: Target) -> None:
        """Raises UsageError."""
        self._arguments = arguments
        self._options = options_of(arguments)
        self._app = app
        self._cleanup = ExitStack()

    def __enter__(self) -> "Importer":
        self._folder = Path(self._cleanup.enter_context(tempfile.TemporaryDirectory(prefix="trading-import-")))
        return self

    def __exit__(self, *exception: object) -> None:
        self._cleanup.close()

    def import_file(self, name: str) -> int:
        """The exit code. Raises ClientError."""
        began = time.monotonic()
        rows = self._folder / "rows.sqlite3"
        with ExitStack() as opened:
            source, shown = opened.enter_context(self._open(name)), opened.enter_context(steps(sys.stderr))
            spool = opened.enter_context(Spool(rows))
            ledger = opened.enter_context(AppLedger(self._app, self._arguments.max_wait, _Notes(shown)))
            opened.enter_context(on_interrupt(ledger.stop))
            plan = self._plan(name, source, spool, ledger, shown)
            if not self._arguments.json:
                for line in lines_of(plan.report):
                    shown.say(line)
            code = self._code(plan, shown)
            if code == OK and self._is_to_take(plan):
                plan.report.result = self._take(plan, spool, ledger, shown)
                plan.report.state = "taken"
        rows.unlink()
        self._conclude(plan, time.monotonic() - began)
        return code

    def _plan(self, name: str, source: BinaryIO, spool: Spool, ledger: AppLedger, shown: Steps) -> Plan:
        asked: Ledger | None = ledger
        if self._arguments.dry_run and not ledger.answers():
            asked = None
        shown_name = "standard input" if name == "-" else Path(name).name
        try:
            plan = make_plan(source, shown_name, self._options, spool, asked, time.time_ns(), shown.show)
        except MappingRefused as error:
            raise UsageError(str(error)) from None
        except KeyError as error:
            raise UsageError(str(error.args[0])) from None
        except (CallRefused, Unanswered) as error:
            raise _client_error(error) from None
        if asked is None:
            text = f"no app answers at {self._app.url}: what it has of the file, and its instruments, are not known"
            plan.report.warnings.append(Remark("not_compared", text))
        return plan

    def _code(self, plan: Plan, shown: Steps) -> int:
        """The exit code, once a person was asked what is left to ask."""
        report = plan.report
        if report.state == "refused":
            return REFUSED
        if report.state == "question":
            return QUESTION
        if self._is_to_take(plan) and not self._arguments.yes and not self._is_confirmed(shown):
            report.state = "question"
            report.questions.append(Asked("confirm", "nothing was taken yet: take it?", "--yes"))
            return QUESTION
        return OK

    def _is_to_take(self, plan: Plan) -> bool:
        if self._arguments.dry_run or plan.report.state != "ready":
            return False
        compared = plan.report.compared
        return bool(compared.new or compared.new_events or (self._options.revive and compared.taken_back))

    def _is_confirmed(self, shown: Steps) -> bool:
        if self._arguments.json or not (sys.stdin.isatty() and sys.stdout.isatty()):
            return False
        return shown.ask("Take it? [y/N] ").strip().lower() in ("y", "yes")

    def _take(self, plan: Plan, spool: Spool, ledger: AppLedger, shown: Steps) -> Result:
        total = plan.report.compared.new
        try:
            return take(
                plan,
                spool,
                ledger,
                revive=bool(self._options.revive),
                progress=lambda result: shown.show("taking", result.accepted + result.duplicates, total),
            )
        except (CallRefused, Unanswered) as error:
            raise _client_error(error) from None

    def _conclude(self, plan: Plan, seconds: float) -> None:
        report = plan.report
        if self._arguments.json:
            print(msgspec.json.encode(report).decode(), flush=True)
        elif report.state == "taken":
            print(result_line(report, seconds), flush=True)
        elif report.state == "nothing_new":
            print("nothing new: the ledger has all of it", flush=True)
        elif report.state == "question" and report.questions[-1].code == "confirm":
            print(f"question: {report.questions[-1].text} Answer with {report.questions[-1].option}", flush=True)

    def _open(self, name: str) -> BinaryIO:
        """The file; standard input as a copy, since a file may be read from its beginning again. Raises FileError."""
        try:
            if name != "-":
                return Path(name).open("rb")
            copy = (self._folder / "input").open("w+b")
            shutil.copyfileobj(sys.stdin.buffer, copy)
            copy.seek(0)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else error
            raise FileError(f"{name}: can't be opened: {reason}") from None
        return copy


class _Notes:
    """Reports failed attempts: the first at once, then at most one every SECONDS_BETWEEN_NOTES."""

    def __init__(self, shown: Steps) -> None:
        self._shown = shown
        self._last = float("-inf")

    def __call__(self, failure: Failure) -> None:
        if time.monotonic() - self._last >= SECONDS_BETWEEN_NOTES:
            self._last = time.monotonic()
            self._shown.note(f"{failure.reason}; retrying (Ctrl-C ends)")


def options_of(arguments: argparse.Namespace) -> Options:
    """What the arguments say of the file. Raises UsageError."""
    if arguments.preset and arguments.map_file:
        raise UsageError("--from and --map exclude each other")
    for option, text, check in (
        ("--timezone", arguments.timezone, find_zone),
        ("--currency", arguments.currency, check_currency),
        ("--account", arguments.account, check_name),
        ("--strategy", arguments.strategy, check_name),
        ("--venue", arguments.venue, check_name),
        ("--symbol", arguments.symbol, check_symbol),
    ):
        try:
            _ = text and check(text)
        except (FieldError, UnreadableValue) as error:
            raise UsageError(f"{option} {text!r}: {error}") from None
    return Options(
        preset=arguments.preset,
        mapping=_mapping(arguments.map_file) if arguments.map_file else "",
        mapping_name=Path(arguments.map_file or "mapping").stem,
        timezone=arguments.timezone,
        account=arguments.account,
        strategy=arguments.strategy,
        venue=arguments.venue,
        decimal=arguments.decimal,
        date_order=arguments.date_order,
        symbol=arguments.symbol,
        currency=arguments.currency,
        contract_sizes=dict(map(_size, arguments.contract_size)),
        openings=tuple(map(_opening, arguments.opening)),
        revive=arguments.revive,
        probably_known=arguments.probably_known,
        different=arguments.different,
    )


def _mapping(name: str) -> str:
    try:
        with Path(name).open("rb") as opened:
            content = opened.read(MAX_MAPPING_BYTES + 1)
        if len(content) > MAX_MAPPING_BYTES:
            raise UsageError(f"--map {name}: is larger than {MAX_MAPPING_BYTES:,} bytes")
        return content.decode("utf-8-sig") or "{}"
    except OSError as error:
        raise UsageError(f"--map {name}: can't be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise UsageError(f"--map {name}: is not UTF-8") from None


def _size(text: str) -> tuple[str, str]:
    symbol, equals, size = text.rpartition("=")
    if not equals or not symbol or not size.replace(".", "", 1).isdecimal() or not size.strip("0."):
        raise UsageError(f"--contract-size {text!r} is not SYMBOL=SIZE, such as XAUUSD*=100")
    return symbol, size


def _opening(text: str) -> Opening:
    try:
        return Opening.read(text)
    except ValueError as error:
        raise UsageError(f"--opening {error}") from None


def _client_error(error: CallRefused | Unanswered) -> Refused | Unreachable:
    if isinstance(error, Unanswered):
        return Unreachable(f"{error}; run the same command again to take the rest")
    items = [Problem(item.index, item.pointer, item.detail) for item in error.items]
    return Refused(error.status, error.detail, items)
