"""An exchange through ccxt, with its own rate limit and its numbers as text, so that no digit is lost."""

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from trading_app.follow.credentials import credentials, without_secrets
from trading_app.follow.source import Denied, Span, Unavailable, Unified, Unusable

HOW_TO_INSTALL = "ccxt is not installed; docs/clients.md says how"

FUNDING_BY_HISTORY = ("binance", "binanceusdm", "binancecoinm")
FUNDING_AMONG_TRADES = ("bybit",)
"""Exchanges whose funding was looked at: its sign, its paging. ccxt's signs differ between exchanges; Bybit's funding
has that of a fee, and its rows are taken as trades, as in a file of them.
"""

_PAGE = 1_000


def open_exchange(name: str, environment: Mapping[str, str], config: Mapping[str, Any]) -> "CcxtExchange":
    """The exchange with that name of ccxt. `config` is given to ccxt's class. Raises Unusable."""
    try:
        ccxt = importlib.import_module("ccxt")
    except ImportError:
        raise Unusable(HOW_TO_INSTALL) from None
    if name not in ccxt.exchanges:
        raise Unusable(f"{name!r} is not an exchange of ccxt; its names are like binance, kraken, bybit")
    make = getattr(ccxt, name)
    needed = [credential for credential, is_needed in make().requiredCredentials.items() if is_needed]
    secrets = credentials(name, needed, environment)
    exchange = make({"enableRateLimit": True, **config, **secrets})
    exchange.number = str
    if not exchange.has["fetchMyTrades"]:
        raise Unusable(f"ccxt can't fetch the account's trades from {name}")
    return CcxtExchange(ccxt, exchange, list(secrets.values()))


class CcxtExchange:
    """A Source. Its errors name no key."""

    def __init__(self, ccxt: Any, exchange: Any, secrets: Sequence[str]) -> None:
        self._ccxt = ccxt
        self._exchange = exchange
        self._secrets = secrets

    @property
    def name(self) -> str:
        """The exchange."""
        return str(self._exchange.id)

    def prepare(self, symbols: Sequence[str]) -> None:
        """Load its markets, and check the symbols."""
        self._ask(self._exchange.load_markets)
        for symbol in symbols:
            if symbol not in self._exchange.markets:
                raise Unusable(f"{self.name} has no symbol {symbol!r}; ccxt writes them like BTC/USDT or BTC/USDT:USDT")
        if not symbols and self._feature(None, "symbolRequired"):
            raise Unusable(f"{self.name} gives trades only by symbol: name them with --symbols BTC/USDT,ETH/USDT")

    def now_ms(self) -> int | None:
        """Its own time, where ccxt can ask for it."""
        time = self._ask(self._exchange.fetch_time) if self._exchange.has.get("fetchTime") else None
        return None if time is None else int(time)

    def span(self, symbol: str | None) -> Span:
        """How it limits the time that is asked for, as far as ccxt knows."""
        return Span(self._feature(symbol, "untilDays"), self._feature(symbol, "daysBack"))

    def has_funding(self, symbol: str | None) -> bool:
        """Whether funding is asked for beside the trades."""
        is_contract = symbol is not None and bool(self._exchange.market(symbol)["contract"])
        return is_contract and self.name in (*FUNDING_BY_HISTORY, *FUNDING_AMONG_TRADES)

    def trades(self, symbol: str | None, since_ms: int, until_ms: int | None) -> Sequence[Unified]:
        """One page of the account's trades."""
        return self._page(self._exchange.fetch_my_trades, symbol, since_ms, until_ms, {})

    def funding(self, symbol: str | None, since_ms: int, until_ms: int | None) -> Sequence[Unified]:
        """One page of funding: payments, or trades that are funding."""
        if self.name in FUNDING_AMONG_TRADES:
            parameters = {"execType": "Funding"}
            return self._page(self._exchange.fetch_my_trades, symbol, since_ms, until_ms, parameters)
        return self._page(self._exchange.fetch_funding_history, symbol, since_ms, until_ms, {})

    def contract_size(self, symbol: str) -> str:
        """How many units one contract is; empty if amounts count units."""
        market = self._exchange.markets.get(symbol) or {}
        size = market.get("contractSize") if market.get("contract") else None
        return "" if size is None else str(size)

    def _page(
        self,
        fetch: Callable[..., Sequence[Unified]],
        symbol: str | None,
        since_ms: int,
        until_ms: int | None,
        parameters: Mapping[str, Any],
    ) -> Sequence[Unified]:
        limit = self._feature(symbol, "limit")
        until = {} if until_ms is None else {"until": until_ms}
        page = min(int(limit), _PAGE) if limit else None  # without a limit that ccxt knows, the exchange's own
        found: Sequence[Unified] = self._ask(lambda: fetch(symbol, since_ms, page, {**parameters, **until}))
        return found

    def _feature(self, symbol: str | None, name: str) -> Any:
        """What ccxt knows of fetchMyTrades: for a symbol, or for the kind of market that is the exchange's default."""
        features: Any = self._exchange.features or {}
        market = self._exchange.market(symbol) if symbol else {}
        kind = market.get("type") or self._exchange.options.get("defaultType", "spot")
        found = features.get(kind) or {}
        if "fetchMyTrades" not in found:
            settled = "inverse" if market.get("inverse") else "linear"
            found = found.get(settled) or {}
        return (found.get("fetchMyTrades") or {}).get(name)

    def _ask(self, call: Callable[[], Any]) -> Any:
        """What a call of ccxt gives. Raises FollowError in place of ccxt's errors."""
        ccxt = self._ccxt
        try:
            return call()
        except (ccxt.AuthenticationError, ccxt.PermissionDenied, ccxt.AccountSuspended) as error:
            raise Denied(f"{self.name} refuses the key: {self._text(error)}") from None
        except (ccxt.ArgumentsRequired, ccxt.BadSymbol, ccxt.NotSupported) as error:
            raise Unusable(f"{self.name}: {self._text(error)}") from None
        except ccxt.BaseError as error:
            raise Unavailable(f"{self.name}: {self._text(error)}") from None

    def _text(self, error: Exception) -> str:
        return without_secrets(f"{type(error).__name__}: {error}", self._secrets)
