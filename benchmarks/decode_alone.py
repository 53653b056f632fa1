"""What msgspec alone needs to decode a batch into exact decimals, in CPU seconds a trade:
`python -m benchmarks.decode_alone FILE CONTENT_TYPE`.
"""

import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import Literal

import msgspec

from benchmarks.trades import NDJSON

SECONDS = 0.5


class Trade(msgspec.Struct, forbid_unknown_fields=True):
    """A trade with its types checked, and no more."""

    symbol: str
    price: Decimal
    qty: Decimal
    side: Literal["buy", "sell"]
    trade_id: str | None = None
    account: str | None = None
    strategy: str | None = None


def cpu_seconds_a_trade(body: bytes, content_type: str) -> float:
    """Decode the body again and again, for SECONDS."""
    decode = (
        msgspec.json.Decoder(Trade).decode_lines if content_type == NDJSON else msgspec.json.Decoder(list[Trade]).decode
    )
    decoded = 0
    began = time.process_time()
    while (spent := time.process_time() - began) < SECONDS:
        decoded += len(decode(body))
    return spent / decoded


if __name__ == "__main__":
    print(cpu_seconds_a_trade(Path(sys.argv[1]).read_bytes(), sys.argv[2]))
