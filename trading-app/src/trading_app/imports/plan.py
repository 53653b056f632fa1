"""The dry run: reads a file, asks the ledger what it has of it, computes the figures, and says what would change."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, BinaryIO

import msgspec

from trading_app.imports.ahead import Ahead
from trading_app.imports.compare import MAX_DIFFERENCES, BadRows, Comparison, Line, compare, compare_events
from trading_app.imports.event_lines import EventLines
from trading_app.imports.figures import FileFigures, fold
from trading_app.imports.instruments import said_by
from trading_app.imports.ledger import Ledger
from trading_app.imports.options import Options
from trading_app.imports.reading import MAX_SHOWN, Findings, read_file
from trading_app.imports.report import (
    Asked,
    Remark,
    Report,
    RowError,
    Rows,
    Similar,
    TakenBack,
)
from trading_app.imports.row_ids import from_sortable, sortable
from trading_app.imports.spool import Spool
from trading_app.ledger.event import make_event
from trading_model.field_rules import FieldError
from trading_model.kind_members import KINDS
from trading_model.members import object_text, read_members

MAX_FORMS = 20
"""Maximum of symbols in two forms that a report names."""

MAX_VOIDS = 100
"""Maximum of voids that a report shows."""

Progress = Callable[[str, int], object]
"""Gets the name of a step and how many rows it has done."""


class Plan(msgspec.Struct):
    """What was found out about a file, for its taking."""

    report: Report
    digest: str
    rows: int
    account: str | None


def make_plan(
    source: BinaryIO,
    name: str,
    options: Options,
    spool: Spool,
    ledger: Ledger | None,
    now_ns: int,
    progress: Progress = lambda _step, _rows: None,
) -> Plan:
    """What the import of a file would change. Without a ledger nothing is compared. `now_ns` is Unix time.

    Raises CallRefused, Unanswered; MappingRefused, KeyError for a mapping or a preset that can't be used.
    """
    with Ahead(spool, ledger) as ahead:

        def see(rows: int) -> None:
            progress("reading", rows)
            ahead.see(rows)

        findings = read_file(source, name, options, spool, see)
        _add_openings(findings, options, spool)
        report = Report(
            findings.file,
            sources=findings.sources,
            tables=findings.tables,
            rows=Rows(
                findings.fills, findings.events, sum(one.count for one in findings.skipped.values()), findings.twice
            ),
            skipped=list(findings.skipped.values()),
            span=findings.span,
            order=findings.order,
            first_fills=findings.first_fills,
            questions=findings.questions,
            warnings=findings.warnings,
            errors=findings.errors,
            errors_omitted=findings.errors_omitted,
        )
        if not findings.fills and not findings.events and not (report.errors or report.questions):
            report.errors.append(RowError(0, "", "there are no trades in it"))
        events = _events(spool, report, now_ns)
        if report.errors or report.questions:
            ahead.abandon()
        else:
            report.import_id = f"import-{findings.digest}"
            with ThreadPoolExecutor(1, thread_name_prefix="plan") as background:
                # The app compares, this process computes: each on a core of its own.
                comparing = (
                    None
                    if ledger is None
                    else background.submit(_compare, report, spool, ledger, options, progress, ahead)
                )
                found = None if events or findings.twice else ahead.figures()
                if found is None:
                    found = _figures(findings, spool, ledger, events, progress)
                if comparing is not None:
                    comparing.result()
            if not report.errors:
                _add_figures(report, found)
                _add_questions(report, options)
        report.state = _state(report)
        account = next(iter(findings.accounts)) if len(findings.accounts) == 1 else None
        return Plan(report, findings.digest, findings.rows, account)


def _state(report: Report) -> Any:
    if report.errors:
        return "refused"
    if report.questions:
        return "question"
    compared = report.compared
    if compared.checked and not (compared.new or compared.new_events or compared.taken_back):
        return "nothing_new"
    return "ready"


def _add_openings(findings: Findings, options: Options, spool: Spool) -> None:
    """Add what was held before, at the time of the position's first fill: openings come before fills of their time."""
    lines = EventLines(spool)
    for opening in options.openings:
        symbol = opening.symbol.upper()
        of_symbol = [(key, at) for key, at in findings.opened.items() if key[2].upper() == symbol]
        if not of_symbol:
            findings.warnings.append(
                Remark("opening_unused", f"the file has no fill of {opening.symbol}, so its opening is left out")
            )
            continue
        if len(of_symbol) > 1:
            text = f"{opening.symbol} is traded by several accounts or strategies; whose is the opening?"
            findings.questions.append(Asked("opening_account", text, "--account"))
            continue
        (account, strategy, named), at = of_symbol[0]
        members = {
            "symbol": named,
            "quantity": opening.quantity,
            "average": opening.average,
            "account": account,
            "strategy": strategy,
            "ts": from_sortable(at),
        }
        if lines.add(0, "opening", at, members)[0] == "new":
            findings.events += 1


def _events(spool: Spool, report: Report, now_ns: int) -> list[tuple[str, bytes]]:
    """The events of other kinds as they would be journaled, each with its time. What is wrong with one is an error."""
    made: list[tuple[str, bytes]] = []
    for _, place, at, kind, event_id, line in spool.events():
        known = KINDS[kind]
        given = {name: raw for name, raw in _decode_object(line).items() if name not in ("kind", "id")}
        try:
            reading = read_members(known.members, given, now_ns)
        except FieldError as error:
            report.errors.append(RowError(place, kind, str(error)))
            continue
        complaints = reading.complaints or (list(known.check(reading.texts)) if known.check else [])
        report.errors += [RowError(place, member, detail) for member, detail in complaints[:MAX_SHOWN]]
        if not complaints:
            texts = {name: text for name, text in reading.texts.items() if name not in known.not_journaled}
            made.append((at, make_event(kind, event_id, 0, object_text(texts)).payload))
    return made


def _compare(report: Report, spool: Spool, ledger: Ledger, options: Options, progress: Progress, ahead: Ahead) -> None:
    def ask(lines: Iterator[Line]) -> Comparison:
        return compare(spool, lines, ledger, lambda rows: progress("comparing", rows))

    compared = report.compared
    try:
        given, made = ahead.compared() or ask(spool.lines_with_ids()), ask(spool.lines_with_made_ids())
        other = compare_events(spool, ledger)
    except BadRows as bad:
        report.errors += [RowError(place, member, detail) for place, member, detail in bad.items]
        return
    counts = spool.counts()
    different = [*given.different, *made.different, *other]
    compared.checked = True
    compared.differences = sorted(different, key=lambda one: one.place)[:MAX_DIFFERENCES]
    compared.history = given.history if made.history is None else made.history
    report.warnings += [_other_form(*pair) for pair in sorted(given.forms | made.forms)[:MAX_FORMS]]
    compared.known = counts.get("known", 0)
    events = spool.event_counts()
    compared.known_events = events.get("known", 0)
    compared.taken_back = counts.get("taken_back", 0) + events.get("taken_back", 0)
    compared.different = counts.get("different", 0) + events.get("different", 0)
    compared.probably_known = counts.get("similar", 0)
    compared.similar = [Similar(place, note.seq) for place, note in spool.noted("similar", MAX_SHOWN)]
    voids = spool.taken_back()[:MAX_VOIDS]
    compared.voids = [TakenBack(import_id or None, void, rows) for import_id, void, rows in voids]
    compared.new = report.rows.fills - sum(counts.values())
    compared.new_events = report.rows.events - sum(events.values())
    if options.probably_known == "take":
        spool.forget("similar")
        compared.new += compared.probably_known


def _other_form(symbol: str, other: str) -> Remark:
    text = (
        f"{symbol} and {other}, which the ledger has, name one market in two forms, and are two positions. To make"
        f" them one: `trading-app event instrument symbol={other} aliases={symbol}`, with the other aliases of"
        f" {other}, if it has any"
    )
    return Remark("other_form", text)


def _figures(
    findings: Findings,
    spool: Spool,
    ledger: Ledger | None,
    events: Sequence[tuple[str, bytes]],
    progress: Progress,
) -> FileFigures:
    said = said_by(ledger) if ledger is not None else []
    lines = spool.in_order(findings.order)
    merged = _merged(lines, sorted(events, key=lambda event: event[0])) if events else lines
    return fold(said, merged, lambda rows: progress("computing", rows))


def _add_figures(report: Report, found: FileFigures) -> None:
    report.positions, report.positions_omitted, report.totals = found.positions, found.omitted, found.totals
    report.begins_in_the_middle, report.unknown = found.missing, found.unknown


def _merged(lines: Iterable[bytes], events: Sequence[tuple[str, bytes]]) -> Iterator[bytes]:
    """Fills and other events by time; of one time the events come first, as the order of trading has it."""
    waiting = iter(events)
    event = next(waiting, None)
    for line in lines:
        while event is not None and event[0] <= _time_of(line):
            yield event[1]
            event = next(waiting, None)
        yield line
    while event is not None:
        yield event[1]
        event = next(waiting, None)


def _time_of(line: bytes) -> str:
    return sortable(_decode_time(line).ts)


class _Timed(msgspec.Struct):
    ts: str


def _add_questions(report: Report, options: Options) -> None:
    compared, asked = report.compared, report.questions
    if compared.taken_back and options.revive is None:
        voids = ", ".join(f"event {one.void}" for one in compared.voids[:3])
        text = (
            f"rows of the ledger that were taken back earlier ({voids}): {compared.taken_back}."
            " Count them again, or leave them so?"
        )
        asked.append(Asked("taken_back", text, "--revive", ("--revive", "--no-revive")))
    if compared.different and not options.different:
        places = tuple(one.place for one in compared.differences[:MAX_SHOWN])
        text = (
            f"rows with the identity of a fill or an event in the ledger and other content: {compared.different}. Keep"
            " what the ledger has? To correct a fill, use `trading-app event replace`; an event, void it first"
        )
        asked.append(Asked("different", text, "--different", ("skip",), places))
    if compared.probably_known and not options.probably_known:
        places = tuple(one.place for one in compared.similar[:MAX_SHOWN])
        text = (
            f"rows that are probably in the ledger already under other ids: {compared.probably_known}."
            " The account, market, side, price and quantity are the same, within a second."
            " Leave them out, or take them as fills of their own?"
        )
        asked.append(Asked("probably_known", text, "--probably-known", ("skip", "take"), places))


_decode_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_time = msgspec.json.Decoder(_Timed).decode
