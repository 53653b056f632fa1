"""Made-up files of trades in every format, and a strategy for their content."""

import csv
import gzip
import io
from collections.abc import Sequence

import msgspec
from hypothesis import strategies as st

Content = dict[str, str]
"""One trade: field to text; amounts are numbers in JSON, written with these very digits."""

AMOUNTS = ("price", "qty", "fee")

_digits = st.text("0123456789", min_size=1, max_size=20)
_amounts = st.builds(lambda whole, rest: f"{int(whole)}.{rest}", _digits, _digits) | _digits.map(
    lambda text: str(int(text))
)
_texts = st.text(st.characters(categories=("L", "N", "P")), min_size=1, max_size=12)
_required = {
    "symbol": st.sampled_from(["BTC/USDT", "XRP/ETH"]),
    "price": _amounts,
    "qty": _amounts,
    "side": st.sampled_from(["buy", "sell"]),
}
_optional = {"ts": st.just("2026-01-31T12:00:00Z"), "trade_id": _texts, "strategy": _texts, "fee": _amounts}

contents = st.lists(st.fixed_dictionaries(_required, optional=_optional), min_size=1, max_size=8)


def json_object(trade: Content) -> bytes:
    """A trade with its amounts as JSON numbers."""
    return msgspec.json.encode(
        {name: msgspec.Raw(text.encode()) if name in AMOUNTS else text for name, text in trade.items()}
    )


def as_ndjson(trades: Sequence[Content]) -> bytes:
    """One object a line."""
    return b"".join(json_object(trade) + b"\n" for trade in trades)


def as_json(trades: Sequence[Content]) -> bytes:
    """An array, laid out as people like it."""
    return msgspec.json.format(b"[" + b",".join(map(json_object, trades)) + b"]", indent=2)


def as_csv(trades: Sequence[Content]) -> bytes:
    """A header and rows; what a trade hasn't got is an empty cell."""
    columns = list(dict.fromkeys(["symbol", "price", "qty", "side", *(name for trade in trades for name in trade)]))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    writer.writerows(trades)
    return text.getvalue().encode()


def zipped(data: bytes) -> bytes:
    """With gzip."""
    return gzip.compress(data, 1)
