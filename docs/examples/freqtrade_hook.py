"""Records each filled order of a freqtrade strategy.

    pip install trading-client, into freqtrade's environment; this file beside the strategy; then

    from freqtrade_hook import TelemetryMixin

    class MyStrategy(TelemetryMixin, IStrategy):
        telemetry_spool = "user_data/telemetry"
        ...

The token comes from the environment's TRADING_APP_TOKEN. freqtrade calls `order_filled` for entries, exits, stop losses
and position adjustments, once an order is filled. Not together with freqtrade's webhook: both would count.
"""

from datetime import datetime
from decimal import Decimal

from trading_client import TradingClient

FEE_DECIMALS = Decimal("1e-12")


class TelemetryMixin:
    """Comes before IStrategy in the list of a strategy's bases."""

    telemetry_url = "http://127.0.0.1:8000"
    telemetry_account = "freqtrade"
    telemetry_spool = "user_data/telemetry"
    telemetry_modes = ("live", "dry_run")
    """Backtests and hyperopt are not recorded."""

    telemetry = None

    def bot_start(self, **kwargs):
        """Called by freqtrade once, before the first candle."""
        if self.dp.runmode.value in self.telemetry_modes:
            name = type(self).__name__
            self.telemetry = TradingClient(
                self.telemetry_url, account=self.telemetry_account, strategy=name, spool=self.telemetry_spool
            )
        if hasattr(super(), "bot_start"):
            super().bot_start(**kwargs)

    def order_filled(self, pair: str, trade, order, current_time: datetime, **kwargs) -> None:
        """Called by freqtrade right after an order fills."""
        if self.telemetry is not None:
            is_entry = order.ft_order_side == trade.entry_side
            rate = trade.fee_open if is_entry else trade.fee_close
            self.telemetry.record(
                pair,
                trade.entry_side if is_entry else trade.exit_side,
                order.safe_price,
                order.safe_filled,
                order.order_filled_utc or current_time,
                f"freqtrade-{trade.id}-{order.order_id}"[:128],
                order_id=order.order_id[:128],
                # freqtrade has a rate; the exchange's own amount comes later, or not at all in a dry run
                fee=(exact(order.safe_price) * exact(order.safe_filled) * exact(rate or 0)).quantize(FEE_DECIMALS),
                fee_currency=trade.stake_currency,
                tags=["entry" if is_entry else "exit"],
            )
        if hasattr(super(), "order_filled"):
            super().order_filled(pair, trade, order, current_time, **kwargs)


def exact(number: float) -> Decimal:
    """The decimal that the float is written as."""
    return Decimal(repr(float(number)))
