"""Which spans of time are asked for, until nothing new comes. No I/O.

Exchanges differ: of a span that has more than a page, some answer the oldest part and some the newest, and their pages
have different sizes. So what came is taken, and the spans before and after it are asked for, until an answer has
nothing new. Spans overlap by the millisecond at their ends, since a page may end between two trades of it.
"""

from collections.abc import Callable, Hashable, Iterator, Sequence

from trading_app.follow.source import Span, Unavailable, Unified

MILLISECONDS_PER_DAY = 86_400_000
MAX_PER_MILLISECOND = 10
"""A page of this many items of one millisecond may hide more of that millisecond."""

Fetch = Callable[[int, int | None], Sequence[Unified]]


class Seen:
    """What came already, by key, with its time in Unix milliseconds."""

    def __init__(self, key_of: Callable[[Unified], Hashable]) -> None:
        self._key_of = key_of
        self._times: dict[Hashable, int] = {}

    def fresh(self, page: Sequence[Unified]) -> list[Unified]:
        """The items that did not come before, in the order of their time."""
        found = []
        for item in sorted(page, key=time_of):
            key = self._key_of(item)
            if key not in self._times:
                self._times[key] = time_of(item)
                found.append(item)
        return found

    def forget(self, before_ms: int) -> None:
        """Keep only what is asked for again."""
        self._times = {key: time for key, time in self._times.items() if time >= before_ms}


def time_of(item: Unified) -> int:
    """The item's time in Unix milliseconds. Raises Unavailable if it has none, as nothing can be asked for after it."""
    time = item.get("timestamp")
    if time is None:
        raise Unavailable(f"the exchange gives {item.get('id')} no time")
    return int(time)


def split(since_ms: int, now_ms: int, span: Span) -> Iterator[tuple[int, int | None]]:
    """The spans from a time until now, none longer than the exchange allows. The last one has no end."""
    if span.window_days is not None:
        step = int(span.window_days * MILLISECONDS_PER_DAY) - 1_000  # an exchange may count the ends in
        while now_ms - since_ms > step:
            yield since_ms, since_ms + step
            since_ms += step
    yield since_ms, None


def read_span(
    fetch: Fetch, key_of: Callable[[Unified], Hashable], since_ms: int, until_ms: int | None
) -> Iterator[list[Unified]]:
    """All of a span, page by page, each item once."""
    seen = Seen(key_of)  # of this reading alone: what came in an earlier one does not show that this one is at its end
    pending = [(since_ms, until_ms)]
    while pending:
        since, until = pending.pop()
        page = fetch(since, until)
        fresh = seen.fresh(page)
        if fresh:
            yield fresh
            times = [time_of(item) for item in page]
            pending.append((max(times), until))
            if min(times) > since:
                pending.append((since, min(times)))
        elif len(page) >= MAX_PER_MILLISECOND and {time_of(item) for item in page} == {since}:
            pending.append((since + 1, until))
