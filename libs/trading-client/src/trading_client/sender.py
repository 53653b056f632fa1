"""The thread that sends what is in the spool, until each line is with the app or refused by it."""

from __future__ import annotations

import itertools
import logging
import math
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from trading_client.answers import Accepted, Failed, Later, TooLarge, Wrong
from trading_client.backoff import backoff
from trading_client.delivery import Delivery, path_of
from trading_client.segment import Segment
from trading_client.spool import Spool
from trading_client.status import Refusal

MAX_BATCH_LINES = 1_000
MAX_BATCH_BYTES = 1_000_000
ADOPT_SECONDS = 30.0
LINGER_SECONDS = 0.02
"""How long lines gather before they are sent, unless somebody waits for them."""

DENIED_SECONDS = 10.0
END_SECONDS = 0.5
"""How long `end` waits, after its timeout, for a request that is under way."""

FAILED_SECONDS = 5.0
MAX_FAILURES = 10
"""How often the app may fail at the lines of a segment, one time after the other, before those it fails at are looked
for among them.
"""

MAX_FAILED_LINES = 16
"""Lines that it fails at, one by one, while it has taken no other: then it fails at all."""

MAX_REFUSALS_KEPT = 20
MAX_REFUSALS_LOGGED = 5  # of one request

_log = logging.getLogger("trading_client")


class _Wait(Exception):
    """Nothing more can be sent for now."""

    def __init__(self, later: Later) -> None:
        super().__init__(later.reason)
        self.later = later


class Sender:
    """Sends a spool. `start` starts its thread, which closes the spool when it ends."""

    def __init__(self, spool: Spool, delivery: Delivery) -> None:
        self._spool = spool
        self._delivery = delivery
        self._thread = threading.Thread(target=self._run, name="trading-client", daemon=True)
        self._wake, self._hurry, self._ending = threading.Event(), threading.Event(), threading.Event()
        self._ends_at: float | None = None
        self._changed = threading.Condition()
        self._adopt_at = time.monotonic() + ADOPT_SECONDS
        self._resume: dict[Segment, float] = {}
        self.accepted = self.duplicates = self.refused = self.failed_attempts = 0
        self._failing: dict[Segment, _Failing] = {}
        self._taken = 0
        self.state, self.trouble = "idle", ""
        self.last_refusals: deque[Refusal] = deque(maxlen=MAX_REFUSALS_KEPT)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def notice(self) -> None:
        """Something was recorded."""
        if not self._wake.is_set():
            self._wake.set()

    def wait_until_settled(self, timeout: float) -> bool:
        """Wait until all that is recorded now, and all that others left over, is with the app or refused; whether it
        is.
        """
        deadline = time.monotonic() + timeout
        marks = self._spool.marks()
        with self._changed:
            while self._spool.has_adopted or any(segment.sent < written for segment, written in marks):
                remaining = deadline - time.monotonic()
                if remaining <= 0 or not self._thread.is_alive():
                    return False
                self._hurry.set()
                self._wake.set()
                self._changed.wait(min(remaining, 0.5))
        return True

    def end(self, timeout: float) -> None:
        """Send what is there, within `timeout` seconds, and end the thread."""
        self._ends_at = time.monotonic() + timeout
        self._ending.set()
        self._hurry.set()
        self._wake.set()
        self._thread.join(timeout + END_SECONDS)

    def leave_to_parent(self) -> None:
        """In a forked process: close the files and the connection, which go on in the parent."""
        self._delivery.close()
        self._spool.forget()

    def _run(self) -> None:
        delays = backoff()
        while not self._is_over():
            self._wake.clear()
            try:
                wait = self._send_all()
            except Exception as error:  # noqa: BLE001 -- whatever it is, later trades must not wait for it for ever
                later = error.later if isinstance(error, _Wait) else Later(f"the spool can't be sent: {error!r}")
                self._note("waiting", later.reason)
                self._rest(max(next(delays), later.retry_after))
            else:
                delays = backoff()
                self._hurry.clear()
                # `_send_all` may have followed the wake-up of `end`, which is the last one.
                if not self._is_over() and self._wake.wait(min(wait, self._remaining())):
                    self._hurry.wait(LINGER_SECONDS)
        self._delivery.close()
        self._spool.close()
        self._note("closed", self.trouble)

    def _is_over(self) -> bool:
        return self._ending.is_set() and (not self._spool.waiting_bytes or self._remaining() <= 0)

    def _remaining(self) -> float:
        """Seconds until the thread has to end."""
        return math.inf if self._ends_at is None else max(0.0, self._ends_at - time.monotonic())

    def _rest(self, seconds: float) -> None:
        """Wait before the next attempt, whatever is recorded meanwhile."""
        if self._ending.is_set():
            time.sleep(min(seconds, self._remaining()))
        else:
            self._ending.wait(seconds)

    def _send_all(self) -> float:
        """Send until nothing is left that may be sent now. Seconds until there may be more. Raises _Wait, OSError."""
        if time.monotonic() >= self._adopt_at:
            self._spool.adopt()
            self._adopt_at = time.monotonic() + ADOPT_SECONDS
        for segment in self._spool.segments():
            if self._resume.get(segment, 0.0) <= time.monotonic():
                self._resume.pop(segment, None)
                self._send_segment(segment)
        self._spool.segments()
        denied = [at - time.monotonic() for at in self._resume.values()]
        if not denied:
            self._note("idle", "")
        return max(0.0, min([ADOPT_SECONDS, *denied]))

    def _send_segment(self, segment: Segment) -> None:
        while lines := segment.read(MAX_BATCH_LINES, MAX_BATCH_BYTES):
            if self._remaining() <= 0:
                return
            path, same = next(itertools.groupby(lines, path_of))
            batch = list(same)
            answer = self._settle(segment, path, [line for line in batch if line])
            if isinstance(answer, (Later, Failed)):
                self.failed_attempts += 1
                self._let_wait(segment, answer)
                return
            self._count(segment, batch, answer)

    def _let_wait(self, segment: Segment, answer: Later | Failed) -> None:
        """Let the segment alone wait where others may have what the app takes. Raises _Wait where all have to."""
        if isinstance(answer, Failed):
            seconds, state, reason = FAILED_SECONDS, "waiting", f"the app fails: {answer.detail}"
        elif answer.denied:  # the token may be valid for the accounts of others
            seconds, state, reason = max(DENIED_SECONDS, answer.retry_after), "denied", answer.reason
        else:
            raise _Wait(answer)
        self._resume[segment] = time.monotonic() + seconds
        self._note(state, reason)

    def _settle(self, segment: Segment, path: str, lines: Sequence[bytes]) -> _Outcome | Later | Failed:
        """Post lines until each is taken or refused; those that are wrong are left out, so that the rest is taken. So
        are those that the app fails at again and again, where it takes others.
        """
        outcome, stack, failed, taken = _Outcome(), [list(lines)], list[Refusal](), self._taken
        while stack:
            batch = stack.pop()
            answer = self._delivery.post(path, batch) if batch else Accepted(0, 0)
            if isinstance(answer, Later):
                return answer
            if isinstance(answer, Failed) and not self._leaves_out(
                segment, takes_others=self._taken > taken or len(failed) < MAX_FAILED_LINES
            ):
                return answer
            if isinstance(answer, Accepted):
                self._taken += bool(batch)
                outcome.accepted += answer.accepted
                outcome.duplicates += answer.duplicates
            elif len(batch) == 1:
                found = failed if isinstance(answer, Failed) else outcome.refusals
                found.append(_refusal(batch[0], answer, 0))
            elif isinstance(answer, Wrong) and any(index < len(batch) for index in answer.reasons):
                outcome.refusals += [_refusal(batch[i], answer, i) for i in sorted(answer.reasons) if i < len(batch)]
                stack.append([line for i, line in enumerate(batch) if i not in answer.reasons])
            else:
                middle = len(batch) // 2
                stack += [batch[middle:], batch[:middle]]
        if failed and self._taken == self._failing[segment].taken:
            return Failed(failed[0].code, failed[0].reason)
        outcome.refusals += failed
        self._failing.pop(segment, None)
        return outcome

    def _leaves_out(self, segment: Segment, *, takes_others: bool) -> bool:
        """Note that the app failed at lines of a segment. Whether to look for the line and leave it out."""
        failing = self._failing.setdefault(segment, _Failing(self._taken))
        failing.times += 1
        return failing.times > MAX_FAILURES and takes_others

    def _count(self, segment: Segment, lines: Sequence[bytes], outcome: _Outcome) -> None:
        self._spool.settle(segment, lines, outcome.refusals)
        for refusal in outcome.refusals[:MAX_REFUSALS_LOGGED]:
            _log.warning("the app refused %s: %s", refusal.line, refusal.reason)
        if outcome.refusals:
            _log.warning("refused: %d, in %s", len(outcome.refusals), self._spool.refused_path)
        with self._changed:
            self.accepted += outcome.accepted
            self.duplicates += outcome.duplicates
            self.refused += len(outcome.refusals)
            self.last_refusals.extend(outcome.refusals)
            self._changed.notify_all()

    def _note(self, state: str, trouble: str) -> None:
        """Log a change of the state once."""
        with self._changed:
            changed, self.state, self.trouble = (state, trouble) != (self.state, self.trouble), state, trouble
            self._changed.notify_all()
        if changed and state in ("waiting", "denied"):
            _log.warning("trades wait in the spool %s: %s", self._spool.folder, trouble)


@dataclass
class _Failing:
    """Since when the app fails at a segment: how many requests it had taken until then, and how often it failed."""

    taken: int
    times: int = 0


@dataclass
class _Outcome:
    accepted: int = 0
    duplicates: int = 0
    refusals: list[Refusal] = field(default_factory=list)


def _refusal(line: bytes, answer: Wrong | TooLarge | Failed, index: int) -> Refusal:
    reason = answer.reasons.get(index) if isinstance(answer, Wrong) else None
    code = "too_large" if isinstance(answer, TooLarge) else answer.code
    return Refusal(line.decode(errors="replace"), code, reason or answer.detail)
