"""The presets: by which mapping a sender's messages are read, and what makes two messages the same.

A mapping is in the language of `trading_files.mapping`. A message has one member more than was sent, `received_at`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path

from trading_app.yaml_nodes import FileError
from trading_files.errors import MappingRefused
from trading_files.mapping.load import load
from trading_files.mapping.model import Mapping as FileMapping

GENERIC = "generic"
"""The preset whose mapping is a file of the user."""


@dataclass(frozen=True, slots=True)
class Preset:
    """How the messages of one sender are read.

    `template` says what stands for a member in the sender's template. `needed` are members that each message with a
    fill must have, beside those of the mapping; the first says of what kind it is. `identifying` are members that make
    two fills different beside what the fills say. A message with one of `dated` is the same whatever its fill's time:
    that may be the time at which the message arrived.
    """

    name: str
    template: Mapping[str, str] = field(default_factory=dict)
    needed: tuple[str, ...] = ()
    identifying: tuple[str, ...] = ()
    dated: tuple[str, ...] = ()


_OF_FREQTRADE = (
    "type",
    "trade_id",
    "pair",
    "direction",
    "amount",
    "open_rate",
    "close_rate",
    "open_date",
    "close_date",
)
_OF_TRADINGVIEW = {
    "ticker": "{{ticker}}",
    "action": "{{strategy.order.action}}",
    "contracts": "{{strategy.order.contracts}}",
    "price": "{{strategy.order.price}}",
    "timenow": "{{timenow}}",
}
_OF_TRADERSPOST = {
    "ticker": "{{ticker}}",
    "action": "{{strategy.order.action}}",
    "quantity": "{{strategy.order.contracts}}",
    "price": "{{strategy.order.price}}",
    "time": "{{timenow}}",
}

PRESETS: Mapping[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset(
            "freqtrade",
            template={name: f"{{{name}}}" for name in _OF_FREQTRADE},
            needed=("type", "trade_id", "open_date"),
            identifying=("type", "trade_id", "open_date", "close_date", "stake_amount", "cumulative_profit"),
            dated=("open_date",),
        ),
        Preset(
            "tradingview",
            template=_OF_TRADINGVIEW,
            identifying=("time", "bar.time", "position_size", "strategy.position_size"),
            dated=("time", "bar.time"),
        ),
        Preset("traderspost", template=_OF_TRADERSPOST),
        Preset(GENERIC),
    )
}


@cache
def shipped_mapping(name: str) -> FileMapping:
    """The mapping of a preset."""
    text = (files(__package__) / "presets" / f"{name}.yml").read_text(encoding="utf-8")
    return load(text, name)


def read_mapping(path: Path) -> FileMapping:
    """A mapping of the user. Raises FileError."""
    try:
        return load(path.read_text(encoding="utf-8-sig"), str(path))
    except MappingRefused as error:
        raise FileError(str(error)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(f"{path}: {error}") from error
