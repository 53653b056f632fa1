"""Reads the webhook messages of freqtrade. No I/O.

`entry_fill` and `exit_fill` become fills; all other types say nothing of a fill. A short's entry sells. Amounts are in
the base currency and prices in the quote currency, also of futures, so leverage changes neither.

The messages have no ids of orders: a fill's id comes from the members that differ between two orders of one trade.
Each entry has the date of the trade's first one (`open_date`), so a further entry (`sub_trade`) gets the time at which
its message arrived; but if the bot's last messages were older than a day, somebody sends old messages again, and it
gets the trade's date.
"""

from trading_app.hooks.identity import made_id
from trading_app.hooks.message import Record
from trading_app.hooks.readings import Fill, Ignored, Readings, Unreadable
from trading_app.hooks.times import read_utc
from trading_model.field_rules import format_timestamp

OTHER_TYPES = (
    "entry", "entry_cancel", "exit", "exit_cancel", "status", "warning", "exception", "startup", "protection_trigger",
    "protection_trigger_global", "liquidation_warning", "strategy_msg", "whitelist", "analyzed_df", "new_candle",
)  # fmt: skip
NEEDED = {
    "entry_fill": ("trade_id", "pair", "direction", "amount", "open_rate", "open_date"),
    "exit_fill": ("trade_id", "pair", "direction", "amount", "close_rate", "open_date", "close_date"),
}
IDENTIFYING = ("type", "trade_id", "pair", "direction", "amount", "open_date", "close_date", "stake_amount",
               "cumulative_profit", "order_id")  # fmt: skip
"""Members that differ between two fills of one bot; `open_rate` and `close_rate` as the price are added."""

LATE_NS = 86_400_000_000_000
"""A message this much older than its arrival is not from a bot that trades now."""


class FreqtradeReader:
    """Reads the messages of one hook, in the order in which they arrive."""

    def __init__(self) -> None:
        self._late = False

    def read(self, record: Record, received_ns: int) -> Readings:
        """The fill in a message that arrived at `received_ns`. Raises Unreadable."""
        given = {name: value for name, value in record.items() if value not in ("", "None")}
        kind = given.get("type", "").lower()
        if kind in OTHER_TYPES:
            return Ignored(kind)
        if kind not in NEEDED:
            raise Unreadable(_unknown_type(kind))
        missing = [name for name in NEEDED[kind] if name not in given]
        if missing:
            raise Unreadable(f"add to the template of {kind}: {', '.join(_placeholder(name) for name in missing)}")
        return [self._fill(given, enters=kind == "entry_fill", received_ns=received_ns)]

    def _fill(self, given: Record, *, enters: bool, received_ns: int) -> Fill:
        short = _is_short(given["direction"])
        price = given["open_rate" if enters else "close_rate"]
        dated_by = "open_date" if enters else "close_date"
        said_ns = read_utc(dated_by, given[dated_by], received_ns)
        further = enters and given.get("sub_trade", "").lower() == "true"
        if not further:
            self._late = received_ns - said_ns > LATE_NS
        arrived = further and not self._late
        members = {
            "trade_id": _id(given, price),
            "ts": format_timestamp(received_ns if arrived else said_ns),
            "symbol": given["pair"],
            "side": "sell" if enters == short else "buy",
            "price": price,
            "qty": given["amount"],
        }
        if "exchange" in given:
            members["venue"] = given["exchange"]
        if ":" in given["pair"] or short:  # futures: one amount is one of the base currency, whatever the contract
            members |= {"position_side": "short" if short else "long", "multiplier": "1"}
        for name in ("fee", "fee_currency", "strategy", "account", "order_id"):
            if name in given:
                members[name] = given[name]
        return Fill(members, timed_by_sender=not further)


def _id(given: Record, price: str) -> str:
    return made_id("freqtrade", [price, *(given.get(name, "") for name in IDENTIFYING)])


def _is_short(direction: str) -> bool:
    if direction.lower() not in ("long", "short"):
        raise Unreadable("direction must be Long or Short")
    return direction.lower() == "short"


def _unknown_type(kind: str) -> str:
    if not kind:
        return 'add to each template: "type": "{type}"'
    return f"the type {kind[:64]} is not one of freqtrade's: {', '.join((*NEEDED, *OTHER_TYPES))}"


def _placeholder(name: str) -> str:
    return f'"{name}": "{{{name}}}"'
