-- wrk: pushes the series that one trade changes to a Pushgateway, with the values of the `count`th trade.
dofile(debug.getinfo(1, "S").source:match("@(.*/)") .. "result.lua")

function init(args)
  count = 0
  -- The symbol BTC/USDT has a slash, so it goes in base64, as the Pushgateway's documentation says.
  head = "POST /metrics/job/trades/account/bench/strategy/wrk/symbol@base64/QlRDL1VTRFQ HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    .. "Content-Length: %d\r\n\r\n%s"
end

function request()
  count = count + 1
  local side, price, qty = count * 7 % 10 < 5 and "buy" or "sell", 60000 + count % 5000, (1 + count % 99) / 100
  local body = string.format([[
# TYPE trading_trades_total counter
trading_trades_total{side="%s"} %d
# TYPE trading_volume_total counter
trading_volume_total{side="%s"} %.2f
# TYPE trading_notional_total counter
trading_notional_total{side="%s"} %.2f
# TYPE trading_last_price gauge
trading_last_price %d
# TYPE trading_last_trade_timestamp_seconds gauge
trading_last_trade_timestamp_seconds %d
# TYPE trading_position gauge
trading_position %.2f
# TYPE trading_average_entry_price gauge
trading_average_entry_price %d
# TYPE trading_realized_pnl gauge
trading_realized_pnl %.2f
# TYPE trading_unrealized_pnl gauge
trading_unrealized_pnl %.2f
# TYPE trading_net_pnl gauge
trading_net_pnl %.2f
]], side, count, side, count * qty, side, count * price, price, 1760000000 + count, qty, price, qty, qty, qty)
  return string.format(head, #body, body)
end
