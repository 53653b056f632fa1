"""docs/metrics.md says what the code says."""

from pathlib import Path

from metrics_sidecar import metrics
from metrics_sidecar.exposition.metrics_document import page
from trading_model.accounting.book import MAX_FEE_CURRENCIES

ROOT = Path(__file__).resolve().parents[2]
CONTRACT = {
    "trading_trades_total": {"account", "strategy", "symbol", "side"},
    "trading_volume_total": {"account", "strategy", "symbol", "side"},
    "trading_notional_total": {"account", "strategy", "symbol", "side"},
    "trading_last_price": {"symbol"},
    "trading_last_trade_timestamp_seconds": {"symbol"},
    "trading_position": {"account", "strategy", "symbol"},
    "trading_average_entry_price": {"account", "strategy", "symbol"},
    "trading_realized_pnl": {"account", "strategy", "symbol"},
    "trading_unrealized_pnl": {"account", "strategy", "symbol"},
    "trading_fees": {"account", "strategy", "symbol", "currency"},
    "trading_net_pnl": {"account", "strategy", "symbol"},
    "trading_stream_head_sequence": {"stream"},
    "trading_stream_applied_sequence": {"stream"},
    "trading_stream_gaps_total": set(),
    "trading_stream_duplicates_total": set(),
    "trading_stream_catchups_total": set(),
    "trading_stream_caught_up": set(),
    "trading_events_rejected_total": {"reason"},
    "trading_delivery_delay_seconds": set(),
}


def test_the_metrics_that_users_rely_on_keep_their_names_and_labels() -> None:
    here = {metric.name: set(metric.labels) for metric in metrics.ALL}
    assert {name: here.get(name) for name in CONTRACT} == CONTRACT
    assert "trading_telemetry_build_info" in here


def test_limits_named_in_the_documents_are_those_of_the_code() -> None:
    assert f"more than {MAX_FEE_CURRENCIES} fee currencies" in metrics.FEES.when_wrong
    assert f"Beyond {MAX_FEE_CURRENCIES} fee currencies" in page()
