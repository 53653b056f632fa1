"""The presets: what makes two messages of a sender the same, and what its templates call a member. No I/O."""

from collections.abc import Mapping
from dataclasses import dataclass, field

GENERIC = "generic"
"""The preset whose mapping is a file of the user."""


@dataclass(frozen=True, slots=True)
class Preset:
    """How the messages of one sender are read.

    `template` says what stands for a member in the sender's template. `needed` are members that each message with a
    fill must have, beside those of the mapping; the first says of what kind it is. `identifying` are members that make
    two fills different beside what the fills say; `owning` do so where a message has them: two strategies may well give
    the same order at the same time. A message with one of `dated` is the same whatever its fill's time:
    that may be the time at which the message arrived.
    """

    name: str
    template: Mapping[str, str] = field(default_factory=dict)
    needed: tuple[str, ...] = ()
    identifying: tuple[str, ...] = ()
    dated: tuple[str, ...] = ()
    owning: tuple[str, ...] = ()


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
            owning=("strategy_name",),
        ),
        Preset("traderspost", template=_OF_TRADERSPOST, owning=("strategy", "strategy_name")),
        Preset(GENERIC),
    )
}
