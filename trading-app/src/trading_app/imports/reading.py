"""Reads a file into the spool: each row gets its identity, and what was found on the way is collected."""

import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from itertools import islice
from typing import BinaryIO

import msgspec

from trading_app.imports import row_ids
from trading_app.imports.event_lines import EventLines, SaysSomethingElse
from trading_app.imports.fill_lines import FillLines, fill_lines, one, uniform, without_mangled_ids
from trading_app.imports.options import Options
from trading_app.imports.report import (
    Asked,
    FileFacts,
    FirstFill,
    Order,
    Remark,
    RowError,
    Skipped,
    Source,
    Span,
    TableFacts,
)
from trading_app.imports.row_ids import row_id
from trading_app.imports.spool import Note, Spool
from trading_files.document import read_together
from trading_files.errors import FileRefused
from trading_files.mapping.load import load
from trading_files.mapping.model import Mapping
from trading_files.presets import shelf
from trading_files.reading.read import read
from trading_files.reading.tables import Block, Document, Row, Rows, Table
from trading_files.readings import (
    BadRow,
    EventRow,
    FillRow,
    FillRows,
    Question,
    Reading,
    Recognised,
    SkippedRow,
)
from trading_files.readings import Warning as Said
from trading_model.fields import NAMES

MAX_SHOWN = 10
"""Maximum of first fills, and of places in a list, that a report shows."""

MAX_TABLES, MAX_COLUMNS, MAX_FIRST_ROWS, MAX_CELL = 5, 100, 3, 100
"""What a report shows of the file's tables: how many, of each the columns and rows, of a cell the characters."""

PROGRESS = 10_000
"""Rows between two reports of the progress."""

MAX_ERRORS = 100
MAX_OPENED = 10_000
"""Maximum of positions whose first time is remembered."""

_OWN = frozenset(NAMES)


@dataclass(slots=True)
class Findings:
    """What a file holds besides its rows. `opened` has the first time of each position: account, strategy, symbol.

    `first`, `last` and the times of `opened` are texts that sort (`row_ids.sortable`).
    """

    file: FileFacts
    sources: list[Source] = field(default_factory=list)
    tables: list[TableFacts] = field(default_factory=list)
    skipped: dict[str, Skipped] = field(default_factory=dict)
    questions: list[Asked] = field(default_factory=list)
    warnings: list[Remark] = field(default_factory=list)
    errors: list[RowError] = field(default_factory=list)
    errors_omitted: int = 0
    first_fills: list[FirstFill] = field(default_factory=list)
    fills: int = 0
    events: int = 0
    twice: int = 0
    digest: str = ""
    accounts: set[str] = field(default_factory=set)
    opened: dict[tuple[str, str, str], str] = field(default_factory=dict)
    first: str = ""
    last: str = ""
    rising: int = 0
    falling: int = 0

    @property
    def order(self) -> Order:
        """In which order of time the rows are."""
        if not self.fills:
            return ""
        if self.falling and self.rising:
            return "mixed"
        return "newest_first" if self.falling else "oldest_first"

    @property
    def span(self) -> Span | None:
        """The first and the last time."""
        return Span(row_ids.from_sortable(self.first), row_ids.from_sortable(self.last)) if self.first else None

    @property
    def rows(self) -> int:
        """All rows that say something or are skipped."""
        return self.fills + self.events + sum(one.count for one in self.skipped.values())

    def see_time(self, at: str) -> None:
        """Widen the span to this time, a text that sorts."""
        self.first = min(self.first or at, at)
        self.last = max(self.last, at)

    def add_error(self, error: RowError) -> None:
        """Add an error, if there is room for it."""
        if len(self.errors) < MAX_ERRORS:
            self.errors.append(error)
        else:
            self.errors_omitted += 1


def presets_of(options: Options) -> Sequence[Mapping]:
    """The presets or the mapping to read with. Raises MappingRefused; KeyError for a preset that is not there."""
    if options.mapping:
        return [load(options.mapping, options.mapping_name)]
    return [shelf.preset(options.preset)] if options.preset else shelf.outlines()


def read_file(
    source: BinaryIO, name: str, options: Options, spool: Spool, progress: Callable[[int], object] = bool
) -> Findings:
    """Read a file into the spool. What can't be read is among the findings' errors; `progress` gets the rows so far.

    Raises MappingRefused, KeyError as `presets_of`.
    """
    presets = presets_of(options)
    findings = Findings(FileFacts(name))
    try:
        document = read(source, name, headers=shelf.headers())
        findings.file.kind, findings.file.notes = document.kind, document.notes
        _Reader(findings, spool, progress).read(document, presets, options)
    except FileRefused as error:
        findings.add_error(RowError(0, "", str(error)))
    spool.complete()
    if not findings.errors:
        _resolve_repeated(findings, spool)
    return findings


class _Reader:
    def __init__(self, findings: Findings, spool: Spool, progress: Callable[[int], object]) -> None:
        self._findings = findings
        self._spool = spool
        self._events = EventLines(spool)
        self._equal_events: list[int] = []
        self._equal_events_count = 0
        self._progress = progress
        self._digest = blake2b(digest_size=16)
        self._sent = _SentDigests()
        self._mangled: list[int] = []
        self._mangled_count = 0
        self._at = ""

    def read(self, document: Document, presets: Sequence[Mapping], options: Options) -> None:
        findings = self._findings
        tables = self._sent.of_tables(_noted(document.tables, findings.tables))
        document = replace(document, tables=tables)
        count = 0
        for reading in read_together(document, presets, options.choices):
            if isinstance(reading, FillRows):
                self._take_fills(reading)
            elif isinstance(reading, FillRow):
                self._take_fills(one(reading))
            else:
                self._take_other(reading)
            before, count = count, count + (len(reading.places) if isinstance(reading, FillRows) else 1)
            if before // PROGRESS != count // PROGRESS:
                self._progress(count)
        if self._mangled:
            text = "trade ids in exponent form, as spreadsheets write long numbers: ids are made from the rows instead"
            findings.warnings.append(Remark("mangled_ids", text, tuple(self._mangled), self._mangled_count))
        if self._equal_events:
            text = "rows of money or transfers that equal an earlier row: each counts"
            findings.warnings.append(Remark("equal_events", text, tuple(self._equal_events), self._equal_events_count))
        findings.digest = self._digest.hexdigest()

    def _take_other(self, reading: Reading) -> None:
        findings = self._findings
        if isinstance(reading, SkippedRow):
            self._skip(reading)
        elif isinstance(reading, EventRow):
            self._take_event(reading)
        elif isinstance(reading, BadRow):
            findings.add_error(RowError(reading.place, reading.column, reading.message))
        elif isinstance(reading, Question):
            asked = Asked(reading.code, reading.text, reading.option, reading.choices, reading.places)
            findings.questions.append(asked)
        elif isinstance(reading, Said):
            findings.warnings.append(Remark(reading.code, reading.text, reading.places, reading.count))
        elif isinstance(reading, Recognised):
            findings.sources.append(Source(reading.table, reading.preset, reading.title))

    def _take_fills(self, fills: FillRows) -> None:
        fills, mangled = without_mangled_ids(fills)
        self._mangled_count += len(mangled)
        self._mangled += mangled[: MAX_SHOWN - len(self._mangled)]
        for part in uniform(fills):
            taken = fill_lines(part, self._sent.take)
            self._digest.update(b"".join(taken.lines))
            self._spool.add(taken)
            self._findings.fills += len(taken.lines)
            self._see_times(taken)
            self._see_owners(taken)
            self._show_first(taken)

    def _see_times(self, fills: FillLines) -> None:
        findings, ats = self._findings, fills.ats
        before = [self._at or ats[0], *ats[:-1]]
        findings.rising += sum(map(operator.gt, ats, before))
        findings.falling += sum(map(operator.lt, ats, before))
        self._at = ats[-1]
        findings.see_time(min(ats))
        findings.see_time(max(ats))

    def _see_owners(self, fills: FillLines) -> None:
        """Remember when each position was first traded."""
        findings = self._findings
        latest_first = sorted(zip(fills.ats, fills.owners, strict=True), reverse=True)
        for owner, at in {owner: at for at, owner in latest_first}.items():
            opened = findings.opened.get(owner)
            if opened is not None:
                findings.opened[owner] = min(opened, at)
            elif len(findings.opened) < MAX_OPENED:
                findings.opened[owner] = at
                findings.accounts.add(owner[0])

    def _show_first(self, fills: FillLines) -> None:
        shown = self._findings.first_fills
        for place, line in zip(fills.places, fills.lines[: MAX_SHOWN - len(shown)], strict=False):
            members = _decode(line)
            if fills.made is not None:
                del members["trade_id"]
            shown.append(FirstFill(place, members))

    def _take_event(self, row: EventRow) -> None:
        findings, members = self._findings, dict(row.members)
        if "ts" in members:
            members["ts"] = row_ids.instant(members["ts"])
        ts = members.get("ts", "")
        at = row_ids.sortable(ts) if ts else ""
        try:
            added, line = self._events.add(row.place, row.kind, at, members)
        except SaysSomethingElse as error:
            findings.add_error(RowError(row.place, "id", str(error)))
            return
        self._digest.update(line)
        if added == "equal":
            self._equal_events_count += 1
            self._equal_events += [row.place][: MAX_SHOWN - len(self._equal_events)]
        if added != "twice":
            findings.events += 1
            if at:
                findings.see_time(at)
        findings.accounts.add(members.get("account") or "default")

    def _skip(self, row: SkippedRow) -> None:
        skipped = self._findings.skipped.get(row.reason)
        if skipped is None:
            skipped = self._findings.skipped[row.reason] = Skipped(row.reason, 0, [])
        skipped.count += 1
        if len(skipped.places) < MAX_SHOWN:
            skipped.places.append(row.place)


def _noted(tables: Iterator[Table], noted: list[TableFacts]) -> Iterator[Table]:
    """The tables; columns and first rows of the first ones are noted as they pass."""
    for table in tables:
        if len(noted) < MAX_TABLES:
            first = list(islice(table.rows, MAX_FIRST_ROWS))
            shown = [{name: cell[:MAX_CELL] for name, cell in row.cells.items()} for row in first]
            noted.append(TableFacts(table.name, table.columns[:MAX_COLUMNS], shown))
            table.rows.put_back(first)
        yield table


class _SentDigests:
    """The digests from which `send` made ids: of rows without a trade id, in tables with the app's own columns."""

    def __init__(self) -> None:
        self._by_place: dict[int, bytes] = {}

    def take(self, place: int) -> bytes | None:
        """The digest of the row at a place, once."""
        return self._by_place.pop(place, None)

    def of_tables(self, tables: Iterator[Table]) -> Iterator[Table]:
        """The tables, with their rows looked at as they pass."""
        for table in tables:
            own = {name.strip().lower() for name in table.columns}
            self._by_place.clear()
            yield replace(table, rows=Rows(self._seen(table.rows.items()))) if own <= _OWN else table

    def _seen(self, items: Iterator[Row | Block]) -> Iterator[Row | Block]:
        for item in items:
            if isinstance(item, Row):
                self._see(item)
            elif "trade_id" not in item.columns:
                for row in item.rows():
                    self._see(row)
            yield item

    def _see(self, row: Row) -> None:
        if "trade_id" not in row.cells:
            self._by_place[row.place] = row_ids.sent_digest(row.cells)


def _resolve_repeated(findings: Findings, spool: Spool) -> None:
    """Number equal rows without ids; of rows with one id the first counts, if they say the same."""
    notes: list[Note] = []
    lines: list[tuple[int, bytes]] = []
    equal: list[int] = []
    equal_count = 0
    for group in spool.repeated():
        (_, first_place, made, first), *others = group
        for occurrence, (n, place, _, line) in enumerate(others, 2):
            if made is not None:
                row = _decode(line)
                row["trade_id"] = row_id(made, occurrence)
                lines.append((n, _encode(row)))
                equal_count += 1
                if len(equal) < MAX_SHOWN:
                    equal.append(place)
            elif _content(line) == _content(first):
                notes.append(Note(n, "twice"))
            else:
                message = (
                    f"has the trade id of line {first_place}, of the same symbol and side, and says something else"
                )
                findings.add_error(RowError(place, "trade_id", message))
        if len(lines) + len(notes) >= 10_000:
            spool.rewrite(lines)
            spool.note(notes)
            findings.twice += len(notes)
            lines, notes = [], []
    spool.rewrite(lines)
    spool.note(notes)
    findings.twice += len(notes)
    if equal:
        text = "rows that equal an earlier row: each counts as a fill of its own"
        findings.warnings.append(Remark("equal_rows", text, tuple(equal), equal_count))
    spool.number_sent(
        (n, occurrence) for group in spool.sent_alike() for occurrence, n in enumerate(group, 1) if occurrence > 1
    )


def _content(line: bytes) -> object:
    members = _decode(line)
    rest = {name: members[name] for name in ("strategy", "currency", "multiplier", "tags") if name in members}
    return row_ids.row_content(members), rest


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, str]).decode
