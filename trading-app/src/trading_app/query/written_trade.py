"""A trade as it is in the journal, every number in its digits: what tables of trades are made of. No I/O."""

from collections.abc import Callable
from typing import Any

import msgspec

from trading_model.fields import BY_NAME

WrittenTrade = msgspec.defstruct(
    "WrittenTrade",
    [
        ("seq", int | None, None),
        *((name, tuple[str, ...] | None if name == "tags" else str | None, None) for name in BY_NAME),
    ],
    frozen=True,
    gc=False,
)
"""All fields of a trade; None for what it does not have. `seq` is None in a trade that is ready to be sent again."""

read_written: Callable[[bytes], Any] = msgspec.json.Decoder(WrittenTrade).decode
"""Reads the JSON of a trade. Raises msgspec.MsgspecError."""
