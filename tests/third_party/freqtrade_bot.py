"""A bot of freqtrade in dry-run, which trades by itself and sends its webhook's messages in all three formats.

Runs in an environment with freqtrade, not in this project's; `test_freqtrade.py` starts it. Everything is freqtrade's
own, but for the exchange's answers: there is no network. Fees are 0, so that freqtrade's profits are those of the
prices alone. Prints its trades as JSON.
"""
# mypy: disable-error-code="import-not-found,misc"

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from freqtrade.configuration import Configuration
from freqtrade.enums import ExitCheckTuple, ExitType
from freqtrade.exchange import Exchange
from freqtrade.freqtradebot import FreqtradeBot
from freqtrade.persistence import Trade
from freqtrade.rpc.webhook import Webhook

STRATEGY = """
from freqtrade.strategy import IStrategy

class Still(IStrategy):
    timeframe = "5m"
    stoploss = -0.99
    minimal_roi = {}
    can_short = CAN_SHORT
    position_adjustment_enable = True
    order_types = {"entry": "market", "exit": "market", "stoploss": "market", "stoploss_on_exchange": False}

    def populate_indicators(self, dataframe, metadata):
        return dataframe

    def populate_entry_trend(self, dataframe, metadata):
        return dataframe

    def populate_exit_trend(self, dataframe, metadata):
        return dataframe

    def leverage(self, *arguments, **options):
        return 3.0
"""
FILL = ("type", "trade_id", "exchange", "pair", "direction", "leverage", "amount", "open_date", "sub_trade")
TEMPLATES = {
    "entry_fill": (*FILL, "open_rate", "stake_amount"),
    "exit_fill": (*FILL, "close_rate", "close_date", "cumulative_profit", "is_final_exit"),
    "entry": FILL,
    "exit": FILL,
    "status": ("type", "status"),
    "startup": ("type", "status"),
    "warning": ("type", "status"),
}
rates: dict[str, float] = {}


def market(pair: str) -> dict[str, Any]:
    base, _, rest = pair.partition("/")
    quote, _, settle = rest.partition(":")
    return {
        "id": pair, "symbol": pair, "base": base, "quote": quote, "settle": settle or None, "active": True,
        "spot": not settle, "swap": bool(settle), "linear": bool(settle), "margin": False, "future": False,
        "contract": bool(settle), "contractSize": 1.0 if settle else None, "type": "swap" if settle else "spot",
        "precision": {"amount": 1e-8, "price": 1e-8, "cost": 1e-8}, "taker": 0.0, "maker": 0.0, "info": {},
        "limits": {"amount": {"min": 1e-8, "max": None}, "cost": {"min": 1, "max": None},
                   "price": {"min": None, "max": None}, "leverage": {"min": 1, "max": 20}},
    }  # fmt: skip


def answer_for_the_exchange(pairs: list[str]) -> None:
    """Give freqtrade's exchange what it would ask the network for."""

    def book(pair: str) -> dict[str, Any]:
        return {"bids": [[rates[pair], 1e12]], "asks": [[rates[pair], 1e12]]}

    def always(answer: Any) -> Any:
        return lambda *_, **__: answer

    answers: dict[str, Any] = {
        "reload_markets": lambda self, *_, **__: self._markets.update({pair: market(pair) for pair in pairs}),
        "get_rate": lambda _self, pair, *_, **__: rates[pair],
        "fetch_l2_order_book": lambda _self, pair, *_, **__: book(pair),
        "get_tickers": always({}),
        "get_fee": always(0.0),
        "get_min_pair_stake_amount": always(0.01),
        "get_max_pair_stake_amount": always(1e12),
        "get_max_leverage": always(5.0),
        "get_funding_fees": always(0.0),
        "get_liquidation_price": always(None),
        "exchange_has": always(True),
        "refresh_latest_ohlcv": always({}),
        "validate_config": always(None),
        "fill_leverage_tiers": always(None),
        "_lev_prep": always(None),
        "close": always(None),
    }
    for name, answer in answers.items():
        setattr(Exchange, name, answer)


def configuration(folder: Path, pairs: list[str], url: str) -> dict[str, Any]:
    (folder / "strategies").mkdir(exist_ok=True)
    futures = ":" in pairs[0]
    (folder / "strategies" / "still.py").write_text(STRATEGY.replace("CAN_SHORT", str(futures)))
    written = {
        "dry_run": True, "dry_run_wallet": 1e9, "stake_currency": "USDT", "stake_amount": 1000, "max_open_trades": 9,
        "trading_mode": "futures" if futures else "spot", "margin_mode": "isolated" if futures else "",
        "timeframe": "5m", "strategy": "Still", "user_data_dir": str(folder), "db_url": f"sqlite:///{folder}/{futures}.db",
        "exchange": {"name": "kraken" if not futures else "bybit", "pair_whitelist": pairs, "enable_ws": False},
        "pairlists": [{"method": "StaticPairList"}], "entry_pricing": {"price_side": "other"},
        "exit_pricing": {"price_side": "other"},
        "webhook": webhook(url, "json"), "position_adjustment_enable": True, "internals": {},
    }  # fmt: skip
    file = folder / "config.json"
    file.write_text(json.dumps(written))
    made: dict[str, Any] = Configuration({"config": [str(file)]}, "dry_run").get_config()
    return made


def webhook(url: str, form: str) -> dict[str, Any]:
    """The webhook's section of the configuration, as docs/webhooks.md has it."""
    templates: dict[str, Any] = {}
    for kind, names in TEMPLATES.items():
        members = {name: f"{{{name}}}" for name in names}
        templates[kind] = {"data": f"{{{json.dumps(members)}}}"} if form == "raw" else members
    return {"enabled": True, "url": url, "format": form, "retries": 5, "retry_delay": 0.2, **templates}


def begin(folder: Path, pairs: list[str], urls: dict[str, str]) -> FreqtradeBot:
    answer_for_the_exchange(pairs)
    bot = FreqtradeBot(configuration(folder, pairs, urls["json"]))
    for form in ("form", "raw"):
        config = {**bot.config, "webhook": webhook(urls[form], form)}
        bot.rpc.registered_modules.append(Webhook(bot.rpc._rpc, config))
    bot.startup()
    return bot


def enter(bot: FreqtradeBot, pair: str, rate: float, stake: float, *, short: bool = False, trade: Any = None) -> Trade:
    rates[pair] = rate
    mode = "pos_adjust" if trade is not None else "initial"
    assert bot.execute_entry(pair, stake, is_short=short, ordertype="market", trade=trade, mode=mode)
    return Trade.get_trades([Trade.pair == pair, Trade.is_open.is_(True)]).all()[-1]


def leave(bot: FreqtradeBot, trade: Trade, rate: float, amount: float | None = None) -> None:
    rates[trade.pair] = rate
    why = ExitCheckTuple(ExitType.PARTIAL_EXIT if amount else ExitType.EXIT_SIGNAL)
    assert bot.execute_trade_exit(trade, rate, why, ordertype="market", sub_trade_amt=amount)


def trades() -> list[dict[str, Any]]:
    return [
        {
            "pair": trade.pair, "exchange": trade.exchange, "is_short": trade.is_short, "is_open": trade.is_open,
            "amount": trade.amount if trade.is_open else 0, "open_rate": trade.open_rate,
            "realized": trade.realized_profit if trade.is_open else trade.close_profit_abs, "orders": len(trade.orders),
        }
        for trade in Trade.get_trades().all()
    ]  # fmt: skip


def main() -> None:
    urls = dict(zip(("json", "form", "raw"), sys.argv[1:], strict=True))
    done = []
    with tempfile.TemporaryDirectory() as folder:
        spot = begin(Path(folder), ["BTC/USDT", "BONK/USDT", "ETH/USDT"], urls)
        btc = enter(spot, "BTC/USDT", 43950.0, 1000)
        leave(spot, btc, 43900.7, btc.amount / 3)
        enter(spot, "BTC/USDT", 43892.78, 500, trade=btc)
        enter(spot, "BTC/USDT", 43892.78, 500, trade=btc)  # the same price and amount once more
        leave(spot, btc, 44120.1, btc.amount / 2)
        bonk = enter(spot, "BONK/USDT", 4.02e-06, 30)
        leave(spot, bonk, 4.053e-06)
        again = enter(spot, "BONK/USDT", 4.11e-06, 30)
        leave(spot, again, 4.01e-06)
        enter(spot, "ETH/USDT", 2500.17, 777.77)
        done += trades()
    with tempfile.TemporaryDirectory() as folder:
        futures = begin(Path(folder), ["UNFI/USDT:USDT"], urls)
        unfi = enter(futures, "UNFI/USDT:USDT", 9.220541006231645, 40, short=True)
        enter(futures, "UNFI/USDT:USDT", 9.5, 40, short=True, trade=unfi)
        leave(futures, unfi, 8.9, unfi.amount / 4)
        leave(futures, unfi, 8.297)
        done += trades()
    print(json.dumps(done))


if __name__ == "__main__":
    main()
