"""A report of an import in words for a terminal. No I/O."""

from collections.abc import Iterable, Iterator

from trading_app.imports.report import Asked, CurrencyTotal, Position, Report

_ORDERS = {
    "oldest_first": "the oldest row first",
    "newest_first": "the newest row first; the ledger orders by time",
    "mixed": "rows in no order of time; the ledger orders by time",
}
_BY_HAND = ("--map",)
"""Options whose questions have no choice that the command line takes: the choices are the fields that it is about."""

_VALUES = {
    "--from": "PRESET or --map FILE (docs/importing.md), or map the columns on the page /import",
    "--map": "FILE (docs/mapping.md), or map the columns on the page /import",
    "--timezone": "ZONE, such as Europe/Berlin",
}
"""What stands behind an option whose question has no choice."""

MAX_POSITIONS = 20
MAX_LISTED = 10


def lines_of(report: Report) -> Iterator[str]:
    """What the report says, line by line."""
    yield report.file.name
    for source in report.sources:
        table = f" (table {source.table})" if source.table else ""
        yield f"  read as: {source.title or source.preset}{table} [{source.preset}]"
    for note in report.file.notes[1:]:
        yield f"  found: {note}"
    rows = report.rows
    if rows.fills or rows.events or rows.skipped:
        yield f"  rows: {_number(rows.fills, 'fill')}, {_number(rows.events, 'other event')}, {rows.skipped:,} skipped"
    for skipped in report.skipped:
        yield f"    skipped {skipped.count:,}: {skipped.reason} (line {_listed(skipped.places, skipped.count)})"
    if rows.twice:
        yield f"    {_number(rows.twice, 'row')} more than once in the file: taken once"
    if report.span is not None:
        order = f"; {_ORDERS[report.order]}" if report.order else ""
        yield f"  times: {report.span.first} to {report.span.last}{order}"
    yield from _compared(report)
    yield from _positions(report)
    yield from _unclear(report)


def _unclear(report: Report) -> Iterator[str]:
    """What is missing, what to know, why the file is refused, and what is asked."""
    for missing in report.begins_in_the_middle:
        yield (
            f"  {missing.symbol}: {missing.missing} more is sold than the file has bought: its history begins before"
            f" the file. What was held before: {missing.option}"
        )
    if report.unknown.currencies:
        names = ", ".join(report.unknown.currencies[:MAX_LISTED])
        yield f"  the P&L's currency of these is not known: {names}; --currency USD names it"
    if report.unknown.instruments:
        names = ", ".join(report.unknown.instruments[:MAX_LISTED])
        yield f"  what a contract is worth is not known: {names}; their P&L is in points (docs/instruments.md)"
    for remark in report.warnings:
        where = f" (line {_listed(remark.places, remark.count)})" if remark.places else ""
        yield f"  warning: {remark.text}{where}"
    for error in report.errors:
        place = f"line {error.place}: " if error.place else ""
        yield f"  refused: {place}{error.column + ' ' if error.column else ''}{error.message}"
    if report.errors_omitted:
        yield f"  refused: and {report.errors_omitted:,} more"
    for asked in report.questions:
        where = f" (line {_listed(asked.places, 0)})" if asked.places else ""
        yield f"  question: {asked.text}{where}"
        yield f"    answer with: {_answer(asked)}"


def _answer(asked: Asked) -> str:
    """The option that answers, as it is typed."""
    if asked.option in asked.choices:
        return " or ".join(asked.choices)
    if asked.option in _BY_HAND or not asked.choices:
        return f"{asked.option} {_VALUES.get(asked.option) or asked.option.lstrip('-').upper()}"
    return f"{asked.option} {'|'.join(asked.choices)}"


def _compared(report: Report) -> Iterator[str]:
    compared = report.compared
    if not compared.checked:
        if report.state == "ready":
            yield "  not compared with the ledger: no app was asked"
        return
    parts = [f"{compared.new:,} new"]
    if report.rows.events:
        parts.append(f"{_number(compared.new_events, 'new other event')}, {compared.known_events:,} known")
    parts.append(f"{compared.known:,} known")
    if compared.taken_back:
        parts.append(f"{compared.taken_back:,} taken back earlier")
    if compared.different:
        parts.append(f"{compared.different:,} known with other content")
    if compared.probably_known:
        parts.append(f"{compared.probably_known:,} probably known")
    yield f"  in the ledger: {', '.join(parts)}"
    if compared.new and compared.history is None:
        yield "    fills under other ids were not looked for: there is no history (trading-analytics keeps it)"
    for one in compared.differences[:MAX_LISTED]:
        said = ", ".join(f"{name} {pair.yours} here, {pair.stored} there" for name, pair in one.fields.items())
        yield f"    line {one.place} is fill {one.seq}, but: {said}"


def _positions(report: Report) -> Iterator[str]:
    if report.positions:
        yield "  the file alone gives:"
    for one in report.positions[:MAX_POSITIONS]:
        unit = f" {one.unit}" if one.unit else ""
        net = "not known" if one.net_pnl is None else f"{one.net_pnl}{unit}"
        owner = f"{one.account} {one.strategy} " if (one.account, one.strategy) != ("default", "default") else ""
        side = f" {one.position_side}" if one.position_side else ""
        held = f"{one.position} at {one.average_entry_price}" if one.position != "0" else "flat"
        yield f"    {owner}{one.symbol}{side}: {held}, realised {one.realized_pnl}{unit}, net {net}{_beside(one)}"
    hidden = len(report.positions) - MAX_POSITIONS + report.positions_omitted
    if hidden > 0:
        yield f"    and {hidden:,} positions more"
    for total in report.totals:
        net = "not known" if total.net_pnl is None else total.net_pnl
        parts = f"realised {total.realized_pnl}, fees {total.fees}, cash {total.cash}, net {net}{_beside(total)}"
        yield f"    all in {total.currency}: {parts}"


def _beside(one: Position | CurrencyTotal) -> str:
    return "".join(f", not in net: {amount} {label}" for label, amount in one.fees_outside_net.items())


def result_line(report: Report, seconds: float) -> str:
    """What was taken, in a line."""
    result = report.result
    assert result is not None, "it was taken"
    parts = [f"{_number(result.accepted, 'fill')} taken"]
    if result.events:
        parts.append(f"{_number(result.events, 'other event')} taken")
    if result.revived:
        parts.append(f"{_number(result.revived, 'row')} restored")
    known = report.compared.known + result.duplicates
    if known:
        parts.append(f"{known:,} known before")
    rate = f", {result.accepted / seconds:,.0f} fills/s" if seconds > 1 and result.accepted else ""
    return f"imported: {', '.join(parts)}; import {report.import_id}; {seconds:.1f} s{rate}"


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _listed(places: Iterable[int], count: int) -> str:
    shown = list(places)
    return ", ".join(map(str, shown)) + (" …" if count > len(shown) else "")
