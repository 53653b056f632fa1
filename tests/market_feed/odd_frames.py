"""Frames that no sound venue sends, made of a trade that it has just sent."""

import json
from typing import Any

MINUTE_US = 60_000_000
BIG = 10**40


def odd_frames(trade: dict[str, Any]) -> list[bytes]:
    """Of an aggregate with times in milliseconds, as it came last. None of them says anything that is new and true."""
    last = {**trade, "T": trade["T"] * 1_000, "E": trade["E"] * 1_000}
    number = last["a"]
    prices: list[Any] = ["NaN", "1e400", "-5", "1" * 40, "0." + "1" * 40, "", None, 1.5, []]
    qtys: list[Any] = ["Infinity", "-1", {}, True]
    changes: list[dict[str, Any]] = [
        *({"p": price} for price in prices),
        *({"q": qty} for qty in qtys),
        *({"a": wrong} for wrong in (0, -1, str(number), BIG, number + 10**6, number + 10**6 + 1, number + 10**12)),
        {"a": max(number - 300, 1), "p": "7.77"},
        {"a": max(number - 3, 1), "T": last["T"] + 3_600_000_000},
        {"q": "999"},
        {"a": number + 1, "p": "none"},
        {"f": 5, "l": 4},
        {"f": -1, "l": -1},
        *({"s": name} for name in ("ETHUSDT", "btcusdt", "", None)),
        *({"T": time} for time in (trade["T"], last["T"] * 1_000, 0, -5, BIG, "now")),
        {"m": "yes"},
        {"e": "aggTradE"},
    ]
    start = last["T"] // MINUTE_US * MINUTE_US
    candles: list[dict[str, Any]] = [
        {"i": "1h"}, {"t": start + 60 * MINUTE_US}, {"t": start + 1}, {"t": -1}, {"n": -1}, {"h": "NaN"},
    ]  # fmt: skip
    plain = {"t": start - MINUTE_US, "T": 1, "i": "1m", "n": 1, "x": True} | dict.fromkeys("ohlcv", "1")
    others: list[dict[str, Any]] = [
        *({"e": "24hrTicker", "E": 1, "s": "BTCUSDT", "L": head} for head in (-1, BIG)),
        *({"e": "kline", "E": last["E"], "s": "BTCUSDT", "k": {**plain, **change}} for change in candles),
        {"u": -1, "s": "BTCUSDT", "b": "1", "B": "1", "a": "-2", "A": "1"},
        {"u": 5, "s": "BTCUSDT", "b": "1e400", "B": "1", "a": "2", "A": "1"},
    ]
    answers: list[dict[str, Any]] = [
        {"result": None, "id": []},
        {"result": [1, None], "id": 1},
        {"error": {"msg": "x" * 9_999}},
        {"code": 2, "msg": 3},
    ]
    sound = framed(last)
    return [
        *(framed({**last, **change}) for change in changes),
        *map(framed, others),
        *(json.dumps(one).encode() for one in answers),
        *(b" ", b"null", b"[]", b"{}", b'"x"', b"NaN", b"1e400", b"\xff\xfe", b"\xef\xbb\xbf{}", sound[:-3]),
        *(b"[" * 5_000, b'{"data":' * 1_500, b'{"result":' + b"[" * 990 + b"]" * 990 + b"}"),
        *(sound + sound, sound + b"," + sound, framed([last] * 5), b"[" + sound + b"]"),
        b'{"pad":"' + b"x" * 1_000_000 + b'"}',
    ]


def framed(data: object) -> bytes:
    """As a combined stream sends it."""
    return json.dumps({"stream": "BTCUSDT@AGGTRADE", "data": data}).encode()
