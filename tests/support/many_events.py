"""Many events of other kinds than fills, each about a symbol of its own."""

from collections.abc import Callable
from typing import Any

Event = dict[str, Any]
Make = Callable[[int], Event]
FIRST, LATER = "2026-03-04T05:06:07Z", "2026-03-04T06:00:00Z"


def symbol(number: int) -> str:
    """The symbol that has a number."""
    return f"S{number}/USDT"


def instrument(number: int) -> Event:
    """An instrument that changes the figures of a symbol."""
    return {"kind": "instrument", "instrument": {"symbol": symbol(number), "lot": "0.01"}}


def rate(number: int) -> Event:
    """A rate between currencies, before all fills."""
    ts = f"2026-03-04T04:{number % 60:02}:00Z"
    return {"kind": "rate", "rate": {"base": "EUR", "quote": "USDT", "rate": "1.1", "ts": ts}}


def opening(number: int) -> Event:
    """An opening at the time of the fills."""
    given = {"symbol": symbol(number), "quantity": "1", "average": "9", "ts": FIRST}
    return {"kind": "opening", "opening": given}


def split(number: int) -> Event:
    """A split after the fills, in all accounts."""
    return {"kind": "split", "split": {"symbol": symbol(number), "n": 2, "d": 1, "ts": LATER}}


def price(number: int) -> Event:
    """A price by hand, after the fills."""
    return {"kind": "price", "mark": {"symbol": symbol(number), "price": "11", "ts": LATER}}


def move(number: int) -> Event:
    """A move to another account, after the fills."""
    held = {"symbol": symbol(number), "quantity": "1"}
    sides = {"from": held, "to": {**held, "account": "other"}}
    return {"kind": "move", "move": {"ts": LATER, "reason": "transfer", **sides}}


def cash(number: int) -> Event:
    """Funding of a position, after the fills."""
    given = {"symbol": symbol(number), "currency": "USDT", "amount": "1", "reason": "funding", "ts": LATER}
    return {"kind": "cash", "cash": given}


KINDS: list[Make] = [instrument, rate, opening, split, price, move, cash]


def events(make: Make, numbers: range) -> list[Event]:
    """An event about each of these numbers, without its sequence."""
    return [{"id": f"{number}", **make(number)} for number in numbers]
