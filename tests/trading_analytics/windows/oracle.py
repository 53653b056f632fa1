"""What the windows have to say, calculated the long way: from raw lists, with fractions. Shares no code with them."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import accumulate, pairwise

STEP = 500_000_000
LATE = 2_000_000_000
DAYS_365 = 365 * 86_400


@dataclass(frozen=True)
class Raw:
    """An event as it came: a trade with price and quantity, or a quote with bid and ask."""

    ts: int
    a: str
    b: str
    is_quote: bool = False
    after_gap: bool = False


def in_time(events: Sequence[Raw]) -> tuple[list[Raw], int]:
    """The events that came before their step was over, and how many did not."""
    kept, newest = [], 0
    for event in events:
        newest = max(newest, event.ts)
        over = (newest - LATE) // STEP
        if Fraction(event.ts, STEP) > over:
            kept.append(event)
    return kept, len(events) - len(kept)


def last_step(events: Sequence[Raw]) -> int:
    """The last step that is over."""
    return (max(event.ts for event in events) - LATE) // STEP


def step_of(ts: int) -> int:
    return math.ceil(Fraction(ts, STEP))


@dataclass(frozen=True)
class Expected:
    samples: int
    squares: Fraction
    variance: Fraction | None
    weighted: Fraction | None
    max_fall: Fraction
    fall: Fraction
    change: Fraction | None
    volume: Fraction
    vwap: Fraction | None
    spread: Fraction | None


def returns_by_step(events: Sequence[Raw], end: int) -> dict[int, float]:
    """The return of each step that has one; steps whose return is unknown are missing."""
    has_quotes = any(event.is_quote for event in events)
    first_quote = min((step_of(event.ts) for event in events if event.is_quote), default=0)
    prices: dict[int, Decimal] = {}
    gaps = set()
    for event in sorted(events, key=lambda event: event.ts):
        step = step_of(event.ts)
        if step > end:
            continue
        if event.after_gap:
            gaps.add(step)
        quoted = has_quotes and step >= first_quote
        if event.is_quote:
            prices[step] = (Decimal(event.a) + Decimal(event.b)) / 2
        elif not quoted:
            prices[step] = Decimal(event.a)
    if has_quotes:
        gaps.add(first_quote)
    found: dict[int, float] = {}
    steps = sorted(prices)
    for before, step in pairwise(steps):
        if step in gaps:
            continue
        found |= dict.fromkeys(range(before + 1, step), 0.0)
        with localcontext(prec=60):
            found[step] = float((prices[step] / prices[before]).ln())
    if steps:
        found |= dict.fromkeys(range(steps[-1] + 1, end + 1), 0.0)
    return found


def window(events: Sequence[Raw], end: int, start: int, half_life: float) -> Expected:
    """The window behind the step `start` up to the step `end`."""
    everything = sorted((e for e in events if step_of(e.ts) <= end), key=lambda event: event.ts)
    trades = [event for event in everything if not event.is_quote]
    quotes = {step_of(e.ts): e for e in everything if e.is_quote and step_of(e.ts) > start}
    inside = [event for event in trades if step_of(event.ts) > start]
    before = [event for event in trades if step_of(event.ts) <= start]
    returns = returns_by_step(events, end)
    values = [Fraction(value) for step, value in returns.items() if start < step]
    mean = ratio(total(values), len(values)) or Fraction(0)
    prices = [Fraction(event.a) for event in inside]
    falls = [low / high - 1 for high, low in zip(accumulate(prices, max), prices, strict=True)]
    quantities = [Fraction(event.b) for event in inside]
    base = Fraction(before[-1].a) if before else prices[0] if prices else None
    last = Fraction(trades[-1].a) if trades else None
    weights = {step: Fraction(0.5 ** ((end - step) / half_life)) for step in returns}
    spreads = [(Fraction(e.b) - Fraction(e.a)) / (Fraction(e.b) + Fraction(e.a)) * 20_000 for e in quotes.values()]
    return Expected(
        samples=len(values),
        squares=total(value * value for value in values),
        variance=ratio(total((value - mean) ** 2 for value in values), len(values) - 1) if values else None,
        weighted=ratio(
            total(weights[step] * Fraction(value) ** 2 for step, value in returns.items()), total(weights.values())
        ),
        max_fall=min([*falls, Fraction(0)]),
        fall=(prices[-1] - max(prices)) / max(prices) if prices else Fraction(0),
        change=None if base is None or last is None else (last - base) / base,
        volume=total(quantities),
        vwap=ratio(total(p * q for p, q in zip(prices, quantities, strict=True)), total(quantities)),
        spread=ratio(total(spreads), len(spreads)),
    )


def total(values: Iterable[Fraction]) -> Fraction:
    return sum(values, Fraction(0))


def ratio(above: Fraction, below: Fraction | int) -> Fraction | None:
    """None where there is nothing to divide by."""
    return Fraction(above, below) if below else None
