"""The loop of both commands: posts batch after batch at a pace, shows the progress, and returns an exit code."""

import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from trading_app.client.batches import Batch
from trading_app.client.delivery import Delivery, Failure
from trading_app.client.errors import ClientError, Problem, Refused
from trading_app.client.pace import Pace
from trading_app.client.progress import Display, display
from trading_app.client.tally import Tally
from trading_app.client.target import Target

INTERRUPTED = 130
MAX_PROBLEMS_SHOWN = 20
SECONDS_BETWEEN_NOTES = 10.0


@dataclass(frozen=True, slots=True)
class Job:
    """What to send where. `done` returns how much of `total` (None: unknown) the batches so far are, in the same unit.

    `rate` is in trades a second (None: no limit). `max_wait` is the Delivery's.
    """

    app: Target
    batches: Iterable[Batch]
    total: float | None
    done: Callable[[], float]
    rate: float | None
    max_wait: float | None = None
    greeting: str = ""
    """Printed once the app has answered. With a greeting, the job fails at once if no app answers."""


def transfer(job: Job, tally: Tally) -> None:
    """Post all batches, and count them in `tally`. Raises ClientError."""
    with (
        display(job.total, sys.stderr) as shown,
        Delivery(job.app, job.max_wait, FailureNotes(tally, shown)) as delivery,
    ):
        if job.greeting:
            delivery.ping()
            shown.note(job.greeting)
        pace = Pace(job.rate)
        for batch in job.batches:
            pace.wait(len(batch))
            _post(batch, delivery, tally)
            shown.show(tally, job.done())


def conclude(work: Callable[[Tally], None], how_to_continue: str) -> int:
    """Do the work; print the summary to standard output and what went wrong to standard error; return the exit code.

    `how_to_continue` is printed if the work did not finish.
    """
    tally, started = Tally(), time.monotonic()
    code, trouble = 0, ""
    try:
        work(tally)
    except ClientError as error:
        code, trouble = error.exit_code, str(error)
    except KeyboardInterrupt:
        code, trouble = INTERRUPTED, "interrupted"
    if tally.sent or code == 0:
        print(tally.summary(time.monotonic() - started), flush=True)
    if trouble:
        print(f"trading-app: {trouble}", file=sys.stderr)
    if code == INTERRUPTED or (code and tally.sent):
        reached = f"everything up to {tally.reached} is in the app" if tally.sent else "no answer has come yet"
        print(f"{reached}; {how_to_continue}", file=sys.stderr)
    return code


class FailureNotes:
    """Counts failed attempts and reports them: the first at once, then at most one every SECONDS_BETWEEN_NOTES."""

    def __init__(self, tally: Tally, shown: Display, clock: Callable[[], float] = time.monotonic) -> None:
        self._tally = tally
        self._shown = shown
        self._clock = clock
        self._last = float("-inf")

    def __call__(self, failure: Failure) -> None:
        self._tally.repeated += 1
        now = self._clock()
        if now - self._last >= SECONDS_BETWEEN_NOTES:
            self._last = now
            self._shown.note(f"{failure.reason}; retrying (Ctrl-C ends)")


def _post(batch: Batch, delivery: Delivery, tally: Tally) -> None:
    try:
        receipt = delivery.post(batch.body)
    except Refused as refusal:
        raise Refused(refusal.status, _explain(refusal, batch), refusal.problems) from None
    tally.add(len(batch), receipt, batch.lines[-1].place)


def _explain(refusal: Refused, batch: Batch) -> str:
    lines = [refusal.detail, f"nothing of {batch.places} was written"]
    lines += [f"  {_complaint(problem, batch)}" for problem in refusal.problems[:MAX_PROBLEMS_SHOWN]]
    hidden = len(refusal.problems) - MAX_PROBLEMS_SHOWN
    return "\n".join([*lines, f"  and {hidden} more"] if hidden > 0 else lines)


def _complaint(problem: Problem, batch: Batch) -> str:
    known = problem.index is not None and 0 <= problem.index < len(batch)
    place = f"{batch.lines[problem.index or 0].place}:" if known else ""
    return " ".join(part for part in (place, problem.field, problem.detail) if part)
