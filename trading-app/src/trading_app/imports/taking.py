"""Takes a planned import: its event first, then its fills in batches, then its other events. Safe to repeat."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from urllib.parse import quote

import msgspec

from trading_app.imports.compare import Line, batches
from trading_app.imports.ledger import JSON, LINES, Ledger
from trading_app.imports.parts import Parts
from trading_app.imports.plan import Plan
from trading_app.imports.report import Result
from trading_app.imports.spool import Spool

BATCH = 2_000
EVENTS_BATCH = 500
AHEAD = 2
"""Requests that are put together while one is under way. Only one is: fills of one time keep their order."""


Answers = list[tuple[Sequence[Line], bytes]]
"""The answers to the parts of a batch."""


class _Accepted(msgspec.Struct):
    accepted: int = 0
    duplicates: int = 0
    first_seq: int | None = None
    last_seq: int | None = None


class _AcceptedEvent(msgspec.Struct):
    seq: int


def take(
    plan: Plan, spool: Spool, ledger: Ledger, *, revive: bool, progress: Callable[[Result], object] = bool
) -> Result:
    """Bring the import into the ledger. On return all of it is durable; what raised can be repeated as a whole.

    Raises CallRefused, Unanswered.
    """
    report, result = plan.report, Result()
    events, parts = Parts(EVENTS_BATCH), Parts(BATCH)
    if revive:
        voids = [b'{"kind":"void","target":%d}' % void for void in sorted({void for _, void, _ in spool.taken_back()})]
        for _ in events.call(voids, lambda part: ledger.post("/events", _array(part), JSON)):
            pass
        result.revived = report.compared.taken_back
    if not (report.compared.new or report.compared.new_events):
        return result
    assert report.import_id is not None, "a plan without errors and questions has an id"
    sequence = _begin(plan, ledger, report.import_id)
    path = f"/trades?import_id={quote(report.import_id)}"
    lines = spool.lines(newest_first=report.order == "newest_first")
    with ThreadPoolExecutor(1, thread_name_prefix="take") as posting:
        for answers in _ahead(
            posting,
            batches(lines, BATCH),
            lambda batch: parts.call(batch, lambda part: ledger.post(path, _body(part), LINES)),
        ):
            for _, answer in answers:
                _add(result, msgspec.json.decode(answer, type=_Accepted))
            progress(result)
    brought = [_with_target(line, kind, sequence) for _, _, _, kind, _, line in spool.events(only_new=True)]
    for _, answer in events.call(brought, lambda part: ledger.post("/events", _array(part), JSON)):
        result.events += msgspec.json.decode(answer, type=_Accepted).accepted
        progress(result)
    return result


def _begin(plan: Plan, ledger: Ledger, import_id: str) -> int:
    """Send the event `import`; its sequence. One that is there already is continued."""
    report = plan.report
    event = {
        "kind": "import",
        "id": import_id,
        "name": report.file.name[:200].strip() or "file",
        "digest": plan.digest,
        "preset": report.sources[0].preset[:64] if report.sources else None,
        "rows": plan.rows,
        "taken": report.compared.new + report.compared.new_events,
        "skipped": report.rows.skipped,
        "account": plan.account,
    }
    return msgspec.json.decode(ledger.post("/events", msgspec.json.encode(event), JSON), type=_AcceptedEvent).seq


def _ahead(
    pool: ThreadPoolExecutor, waiting: Iterator[list[Line]], post: Callable[[list[Line]], Answers]
) -> Iterator[Answers]:
    """The answers, in order, while the next requests are under way."""
    under_way: list[Future[Answers]] = [pool.submit(post, batch) for batch in islice(waiting, AHEAD)]
    while under_way:
        answer = under_way.pop(0).result()
        under_way += [pool.submit(post, batch) for batch in islice(waiting, 1)]
        yield answer


def _array(items: Sequence[bytes]) -> bytes:
    return b"[" + b",".join(items) + b"]"


def _body(batch: Sequence[Line]) -> bytes:
    return b"\n".join([line for _, _, line in batch])


def _add(result: Result, accepted: _Accepted) -> None:
    result.accepted += accepted.accepted
    result.duplicates += accepted.duplicates
    if accepted.first_seq is not None:
        result.first_seq = min(result.first_seq or accepted.first_seq, accepted.first_seq)
    if accepted.last_seq is not None:
        result.last_seq = max(result.last_seq or 0, accepted.last_seq)


def _with_target(line: bytes, kind: str, sequence: int) -> bytes:
    """An event that names its import, so that it is taken back with it. What symbols are outlives an import."""
    if kind in ("cash", "split", "opening", "move"):
        return b'{"target":%d,%b' % (sequence, line[1:])
    return line
