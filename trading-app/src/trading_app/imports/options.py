"""What the user says about a file: how to read it, and what to do where only a person can decide."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from trading_files.readings import Choices

SKIP, TAKE = "skip", "take"
Decision = Literal["", "skip", "take"]

_OPENING = re.compile(
    r"(?P<symbol>[^=]{1,128})=(?P<quantity>-?\d{1,38}(\.\d{1,38})?)@(?P<average>-?\d{1,38}(\.\d{1,38})?)"
)


Short = Annotated[str, Meta(extra_json_schema={"maxLength": 128})]
"""A text of which the API's document says that it is short; what takes it decides."""


class Opening(msgspec.Struct, frozen=True):
    """What was held of a symbol before the file begins: quantity, negative if short, and average price."""

    symbol: str
    quantity: str
    average: str

    @classmethod
    def read(cls, text: str) -> "Opening":
        """From `SYMBOL=QUANTITY@AVERAGE`. Raises ValueError."""
        found = _OPENING.fullmatch(text.strip())
        if found is None:
            raise ValueError(f"{text[:100]!r} is not SYMBOL=QUANTITY@AVERAGE, such as XMRUSDT=0.5@400")
        return cls(found["symbol"].strip(), found["quantity"], found["average"])


class Options(msgspec.Struct, frozen=True):
    """All that the user says, as the options of `trading-app import` (docs/importing.md). What is empty was not said.

    `preset` names one of the presets, `mapping` is the text of a mapping file. `revive` restores rows that were taken
    back, or leaves them so. `probably_known` is what to do with fills that the ledger seems to have under another
    identity, `different` with those whose identity a fill with other content has; that one stays as it is.
    """

    preset: Short = ""
    mapping: Annotated[str, Meta(description="The text of a mapping file.")] = ""
    mapping_name: Short = "mapping"
    timezone: Short = ""
    account: Short = ""
    strategy: Short = ""
    venue: Short = ""
    decimal: Annotated[str, Meta(extra_json_schema={"enum": ["", ".", ","]})] = ""
    date_order: Annotated[str, Meta(extra_json_schema={"enum": ["", "dmy", "mdy", "ymd"]})] = ""
    symbol: Short = ""
    currency: Short = ""
    contract_sizes: Mapping[str, str] = {}
    openings: tuple[Opening, ...] = ()
    revive: bool | None = None
    probably_known: Decision = ""
    different: Literal["", "skip"] = ""

    @property
    def choices(self) -> Choices:
        """How to read the file."""
        return Choices(
            self.timezone,
            self.account,
            self.strategy,
            self.venue,
            self.decimal,
            self.date_order,
            self.symbol,
            self.currency,
            self.contract_sizes,
        )
