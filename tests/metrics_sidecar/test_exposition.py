"""What Prometheus reads, to the letter."""

from collections.abc import Iterator

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from metrics_sidecar import metrics
from metrics_sidecar.exposition.text import Exposition
from service_kit.metrics.process import BUILD_INFO
from service_kit.metrics.text import Family, histogram_samples
from tests.metrics_sidecar.builders import batch, parse, replace, samples, state_of, trade
from trading_model.accounting.state import TradingState

FIRST = trade("buy", "0.20", "1000", symbol="BTC/USDT", strategy="maker", fee="0.02")
TRADES = [
    FIRST,
    trade("sell", "0.10", "1e3", symbol="BTC/USDT", strategy="maker", fee="-1E-8", fee_currency="BNB"),
    trade("sell", "5", "0.0014", account='a "b"\\', ts="2026-03-04T05:06:07.25Z"),
    replace(1, FIRST, qty="0.30", price="1000.10"),
]

KEYS = """\
# HELP trading_trades_total Trades applied.
# TYPE trading_trades_total counter
trading_trades_total{account="default",strategy="maker",symbol="BTC/USDT",side="buy"} 1
trading_trades_total{account="default",strategy="maker",symbol="BTC/USDT",side="sell"} 1
trading_trades_total{account="a \\"b\\"\\\\",strategy="default",symbol="XRP/ETH",side="buy"} 0
trading_trades_total{account="a \\"b\\"\\\\",strategy="default",symbol="XRP/ETH",side="sell"} 1
# HELP trading_volume_total Quantity traded.
# TYPE trading_volume_total counter
trading_volume_total{account="default",strategy="maker",symbol="BTC/USDT",side="buy"} 0.2
trading_volume_total{account="default",strategy="maker",symbol="BTC/USDT",side="sell"} 0.1
trading_volume_total{account="a \\"b\\"\\\\",strategy="default",symbol="XRP/ETH",side="buy"} 0
trading_volume_total{account="a \\"b\\"\\\\",strategy="default",symbol="XRP/ETH",side="sell"} 5
# HELP trading_notional_total Price times quantity traded.
# TYPE trading_notional_total counter
trading_notional_total{account="default",strategy="maker",symbol="BTC/USDT",side="buy"} 200
trading_notional_total{account="default",strategy="maker",symbol="BTC/USDT",side="sell"} 100
trading_notional_total{account="a \\"b\\"\\\\",strategy="default",symbol="XRP/ETH",side="buy"} 0
trading_notional_total{account="a \\"b\\"\\\\",strategy="default",symbol="XRP/ETH",side="sell"} 0.007
# HELP trading_corrected_trades_total Trades that voids and replaces removed or added, beside trading_trades_total, \
which never falls.
# TYPE trading_corrected_trades_total counter
trading_corrected_trades_total{account="default",strategy="maker",symbol="BTC/USDT",side="buy",change="removed"} 1
trading_corrected_trades_total{account="default",strategy="maker",symbol="BTC/USDT",side="buy",change="added"} 1
# HELP trading_corrected_volume_total Quantity that voids and replaces removed or added.
# TYPE trading_corrected_volume_total counter
trading_corrected_volume_total{account="default",strategy="maker",symbol="BTC/USDT",side="buy",change="removed"} 0.2
trading_corrected_volume_total{account="default",strategy="maker",symbol="BTC/USDT",side="buy",change="added"} 0.3
# HELP trading_corrected_notional_total Price times quantity that voids and replaces removed or added.
# TYPE trading_corrected_notional_total counter
trading_corrected_notional_total{account="default",strategy="maker",symbol="BTC/USDT",side="buy",change="removed"} 200
trading_corrected_notional_total{account="default",strategy="maker",symbol="BTC/USDT",side="buy",change="added"} 300.03
# HELP trading_position Position; negative when short.
# TYPE trading_position gauge
trading_position{account="default",strategy="maker",symbol="BTC/USDT"} 0.2
trading_position{account="a \\"b\\"\\\\",strategy="default",symbol="XRP/ETH"} -5
# HELP trading_average_entry_price Average price of the open position, to 50 significant digits; 0 while flat.
# TYPE trading_average_entry_price gauge
trading_average_entry_price{account="default",strategy="maker",symbol="BTC/USDT"} 1000.1
trading_average_entry_price{account="a \\"b\\"\\\\",strategy="default",symbol="XRP/ETH"} 0.0014
# HELP trading_realized_pnl Gross profit of closed quantities, at average cost.
# TYPE trading_realized_pnl gauge
trading_realized_pnl{account="default",strategy="maker",symbol="BTC/USDT"} -0.01
trading_realized_pnl{account="a \\"b\\"\\\\",strategy="default",symbol="XRP/ETH"} 0
# HELP trading_unrealized_pnl Profit of the open position at its mark: the last price, or the market's if the \
instrument says so.
# TYPE trading_unrealized_pnl gauge
trading_unrealized_pnl{account="default",strategy="maker",symbol="BTC/USDT"} -0.02
trading_unrealized_pnl{account="a \\"b\\"\\\\",strategy="default",symbol="XRP/ETH"} 0
# HELP trading_net_pnl Realised plus unrealised P&L, minus fees, plus income of the key (funding, dividends).
# TYPE trading_net_pnl gauge
trading_net_pnl{account="default",strategy="maker",symbol="BTC/USDT"} -0.05
trading_net_pnl{account="a \\"b\\"\\\\",strategy="default",symbol="XRP/ETH"} 0
# HELP trading_fees Fees paid; rebates are negative. Currency is quote if the sender named none.
# TYPE trading_fees gauge
trading_fees{account="default",strategy="maker",symbol="BTC/USDT",currency="quote"} 0.02
trading_fees{account="default",strategy="maker",symbol="BTC/USDT",currency="BNB"} -0.00000001
# HELP trading_fees_outside_net Fees that are not in trading_net_pnl: in another currency, without a rate at the time \
of the trade.
# TYPE trading_fees_outside_net gauge
trading_fees_outside_net{account="default",strategy="maker",symbol="BTC/USDT",currency="BNB"} -0.00000001
# HELP trading_position_recomputing 1 while a key's figures are those before a correction or a late trade, which are \
being worked in; else missing.
# TYPE trading_position_recomputing gauge
# HELP trading_contract_exposure Worth of a contract's position at its last price; negative when short. Only where it \
is not position times price.
# TYPE trading_contract_exposure gauge
# HELP trading_last_price Price of the symbol's last trade by time, or a later price by hand. It is the \
mark unless the market's is.
# TYPE trading_last_price gauge
trading_last_price{symbol="BTC/USDT"} 1000
trading_last_price{symbol="XRP/ETH"} 0.0014
# HELP trading_last_trade_timestamp_seconds Time of the symbol's last price, as its sender reported it.
# TYPE trading_last_trade_timestamp_seconds gauge
trading_last_trade_timestamp_seconds{symbol="BTC/USDT"} 1772600767
trading_last_trade_timestamp_seconds{symbol="XRP/ETH"} 1772600767.25
# HELP trading_symbol_info Base, P&L currency and contract kind, by instrument or the symbol's form. An empty \
currency is unknown.
# TYPE trading_symbol_info gauge
trading_symbol_info{symbol="BTC/USDT",base="BTC",currency="USDT",kind="spot"} 1
trading_symbol_info{symbol="XRP/ETH",base="XRP",currency="ETH",kind="spot"} 1
# HELP trading_mark_price Price that marks the positions of a symbol whose instrument says mark=market. Source: the \
venue, or last for the ledger's own last price.
# TYPE trading_mark_price gauge
# HELP trading_mark_timestamp_seconds Time of that price, by the venue's clock.
# TYPE trading_mark_timestamp_seconds gauge
# HELP trading_mark_stale 1 while the market's price of a symbol whose instrument says mark=market is missing, or \
older than SIDECAR_MARK_SECONDS.
# TYPE trading_mark_stale gauge
"""

OTHERS = [
    Family(metrics.STREAM_GAPS, [("", 2)]),
    Family(metrics.EVENTS_REJECTED, [('{reason="undecodable"}', 1)]),
    Family(metrics.DELIVERY_DELAY, list(histogram_samples([0, 4, *[0] * 11, 1, 1], "21.500000001"))),
    Family(BUILD_INFO, [('{version="1"}', 1)]),
]
TEXT_OTHERS = """\
# HELP trading_stream_gaps_total Jumps in the live sequence, each filled from the replay socket.
# TYPE trading_stream_gaps_total counter
trading_stream_gaps_total 2
# HELP trading_events_rejected_total Stream messages and events rejected, by reason.
# TYPE trading_events_rejected_total counter
trading_events_rejected_total{reason="undecodable"} 1
# HELP trading_delivery_delay_seconds Time from the publication of a trade to its application, live trades only.
# TYPE trading_delivery_delay_seconds histogram
trading_delivery_delay_seconds_bucket{le="0.0005"} 0
trading_delivery_delay_seconds_bucket{le="0.001"} 4
trading_delivery_delay_seconds_bucket{le="0.0025"} 4
trading_delivery_delay_seconds_bucket{le="0.005"} 4
trading_delivery_delay_seconds_bucket{le="0.01"} 4
trading_delivery_delay_seconds_bucket{le="0.025"} 4
trading_delivery_delay_seconds_bucket{le="0.05"} 4
trading_delivery_delay_seconds_bucket{le="0.1"} 4
trading_delivery_delay_seconds_bucket{le="0.25"} 4
trading_delivery_delay_seconds_bucket{le="0.5"} 4
trading_delivery_delay_seconds_bucket{le="1.0"} 4
trading_delivery_delay_seconds_bucket{le="2.5"} 4
trading_delivery_delay_seconds_bucket{le="5.0"} 4
trading_delivery_delay_seconds_bucket{le="10.0"} 5
trading_delivery_delay_seconds_bucket{le="+Inf"} 6
trading_delivery_delay_seconds_count 6
trading_delivery_delay_seconds_sum 21.500000001
# HELP trading_telemetry_build_info Version of the running component.
# TYPE trading_telemetry_build_info gauge
trading_telemetry_build_info{version="1"} 1
"""


def render(state: TradingState, openmetrics: bool) -> str:
    return b"".join(Exposition().render(state.freeze(), OTHERS, openmetrics)).decode()


def test_the_text_format() -> None:
    assert render(state_of(TRADES), openmetrics=False) == KEYS + TEXT_OTHERS


def test_openmetrics_differs_in_the_names_of_counters_and_info_and_in_its_end() -> None:
    expected = KEYS + TEXT_OTHERS + "# EOF\n"
    for name in (
        "trading_trades",
        "trading_volume",
        "trading_notional",
        "trading_corrected_trades",
        "trading_corrected_volume",
        "trading_corrected_notional",
        "trading_stream_gaps",
        "trading_events_rejected",
    ):
        expected = expected.replace(f"# HELP {name}_total ", f"# HELP {name} ")
        expected = expected.replace(f"# TYPE {name}_total ", f"# TYPE {name} ")
    for name in ("trading_telemetry_build", "trading_symbol"):
        expected = expected.replace(f"# HELP {name}_info", f"# HELP {name}")
        expected = expected.replace(f"# TYPE {name}_info gauge", f"# TYPE {name} info")
    assert render(state_of(TRADES), openmetrics=True) == expected


@pytest.mark.parametrize("openmetrics", [False, True])
def test_prometheus_own_parsers_read_the_same_figures(openmetrics: bool) -> None:
    text = render(state_of(TRADES), openmetrics)
    families = list((parse_openmetrics if openmetrics else parse_text)(text))
    read = {
        (sample.name, *sorted(sample.labels.values())): sample.value for family in families for sample in family.samples
    }
    assert len(read) == len(parse(text.splitlines()))
    assert read["trading_position", "XRP/ETH", 'a "b"\\', "default"] == -5
    assert {family.type for family in families} >= {"counter", "gauge", "histogram"}


def test_every_exposed_name_is_in_the_catalogue() -> None:
    text = render(state_of(TRADES, limit=2), openmetrics=False)
    named = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    assert named <= {metric.name for metric in metrics.ALL}
    for metric in metrics.ALL:
        assert not set(metric.meaning) & set('\\"\n'), "would have to be escaped"


def test_all_figures_of_a_scrape_are_of_one_moment_while_trades_are_applied() -> None:
    many = [trade("buy", "1", "10", symbol=f"S{number}") for number in range(300)]
    state = state_of(many)
    expected = samples(state.freeze())
    pieces: Iterator[bytes] = Exposition().render(state.freeze(), [], openmetrics=False)
    made = []
    for number, piece in enumerate(pieces):
        made.append(piece)
        state.apply(batch([trade("sell", "1", "11", symbol=f"S{number % 300}")], state.applied + 1))
    assert parse(b"".join(made).decode().splitlines()) == expected


def test_a_later_scrape_equals_a_first_scrape_after_any_changes() -> None:
    used, state = Exposition(), TradingState(400, "one")
    changes = [
        [trade("buy", "1", "10", symbol=f"S{number}") for number in range(200)],
        [],
        [trade("sell", "2", "10", symbol="S70")],
        [trade("buy", "1", "11", symbol="S199", account="other")],
        [trade("buy", "1", "10", symbol="S3", fee="1", fee_currency="BNB")],
        [trade("buy", "1", "10", symbol=f"T{number}") for number in range(300)],
    ]
    for trades in changes:
        if trades:
            state.apply(batch(trades, state.applied + 1))
        assert text_of(used, state) == text_of(Exposition(), state)
    another = state_of([trade("buy", "1", "10", symbol=f"S{number}", account="a") for number in range(70)])
    assert text_of(used, another) == text_of(Exposition(), another)


def text_of(exposition: Exposition, state: TradingState) -> bytes:
    return b"".join(exposition.render(state.freeze(), [], openmetrics=False))


def test_labels_kept_from_another_stream_are_not_used() -> None:
    exposition = Exposition()
    list(exposition.render(state_of(TRADES).freeze(), [], openmetrics=False))
    after = b"".join(exposition.render(state_of([trade("buy", "1", "1")]).freeze(), [], openmetrics=False)).decode()
    assert "BTC/USDT" not in after
