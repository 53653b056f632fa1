"""What the user says about a file: how to read it, and what to do where only a person can decide."""

import re
from collections.abc import Mapping
from typing import Literal

import msgspec

from trading_files.readings import Choices

SKIP, TAKE = "skip", "take"
Decision = Literal["", "skip", "take"]

_OPENING = re.compile(
    r"(?P<symbol>[^=]{1,128})=(?P<quantity>-?\d{1,38}(\.\d{1,38})?)@(?P<average>-?\d{1,38}(\.\d{1,38})?)"
)


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
    """All that the user says. What is empty was not said.

    `preset` names one of the presets, `mapping` is the text of a mapping file. `revive` restores rows that were taken
    back, or leaves them so. `probably_known` is what to do with fills that the ledger seems to have under another
    identity, `different` with those whose identity a fill with other content has; that one stays as it is.
    """

    preset: str = ""
    mapping: str = ""
    mapping_name: str = "mapping"
    timezone: str = ""
    account: str = ""
    strategy: str = ""
    venue: str = ""
    decimal: str = ""
    date_order: str = ""
    symbol: str = ""
    currency: str = ""
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
