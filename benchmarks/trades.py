"""The trades that are sent. Sides and quantities are such that positions open, grow, close in part and flip.

The Lua scripts make the same ones: what wrk had under way when it ended is sent again from here, and known by its id.
"""

import random
from collections.abc import Iterator

BATCH = 1_000
TEMPLATES = 10
MARK = b"@" * 10
"""Stands in a batch's body where each request puts its own id: run (3 characters) and count (7 digits)."""

JSON, NDJSON = "application/json", "application/x-ndjson"


def single(run: str, count: int) -> bytes:
    """The body of a run's `count`th POST /trade (from 1); as in post_trade.lua."""
    return (
        b'{"trade_id":"%b-%d","symbol":"BTC/USDT","price":%d.%02d,"qty":"0.%02d","side":"%b",'
        b'"account":"bench","strategy":"wrk"}'
    ) % (run.encode(), count, 60_000 + count % 5_000, count % 100, 1 + count % 99, _side(count))


def templates(symbols: int, content_type: str, size: int = BATCH) -> list[bytes]:
    """TEMPLATES bodies of `size` trades over `symbols` symbols, with MARK for the id."""
    return [
        _body(list(_batch(symbols, range(number * size, (number + 1) * size))), content_type)
        for number in range(TEMPLATES)
    ]


def batch(made: list[bytes], run: str, count: int) -> bytes:
    """The body of a run's `count`th POST /trades (from 1); as in post_batch.lua."""
    return made[count % len(made)].replace(MARK, f"{run}{count:07d}".encode())


def positions(keys: range, symbols: int, prefix: str, turn: int) -> bytes:
    """NDJSON with a trade for each of these keys (account and one of `symbols` symbols), of its own for each turn."""
    return _body(
        [
            _trade(
                b"%b-%d-%d" % (prefix.encode(), key, turn), key % symbols, key + turn, b"account-%d" % (key // symbols)
            )
            for key in keys
        ],
        NDJSON,
    )


def _batch(symbols: int, places: range) -> Iterator[bytes]:
    """Prices and quantities in no order: stored, they shrink to a sixteenth. (An exchange's do to a twelfth.)"""
    chance = random.Random(places.start)
    for place in places:
        yield _trade(b"%b-%d" % (MARK, place), place % symbols, chance.randrange(1_000_000), b"bench")


def _trade(trade_id: bytes, symbol: int, turn: int, account: bytes) -> bytes:
    return (
        b'{"trade_id":"%b","symbol":"S%d/USDT","price":%d.%02d,"qty":"%d.%02d","side":"%b",'
        b'"account":"%b","strategy":"wrk"}'
    ) % (trade_id, symbol, 3_000 + turn % 1_000, turn % 100, turn % 3, 1 + turn % 99, _side(turn), account)


def _body(items: list[bytes], content_type: str) -> bytes:
    return b"\n".join(items) + b"\n" if content_type == NDJSON else b"[" + b",".join(items) + b"]"


def _side(turn: int) -> bytes:
    return b"buy" if turn * 7 % 10 < 5 else b"sell"
