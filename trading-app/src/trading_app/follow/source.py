"""What is asked of an exchange. Unified trades and funding are those of ccxt's manual, as dictionaries.

FollowError
├── Unusable     an argument or the installation does not allow it           exit code 2
├── Denied       the exchange refuses the keys                               exit code 1
└── Unavailable  the exchange did not answer, or asks to wait: try later     exit code 1
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

Unified = Mapping[str, Any]


class FollowError(Exception):
    """Base of the errors of following. The text is for the person at the terminal, and names no key."""

    exit_code = 1


class Unusable(FollowError):
    """An argument is wrong, or what is needed is not installed."""

    exit_code = 2


class Denied(FollowError):
    """The exchange refuses the keys, or what they may not do."""


class Unavailable(FollowError):
    """The exchange did not answer, or asks to wait."""


@dataclass(frozen=True, slots=True)
class Span:
    """How an exchange limits the time that is asked for: days of one request, days back; None for no limit."""

    window_days: float | None = None
    days_back: float | None = None


class Source(Protocol):
    """An account at an exchange. Methods raise FollowError."""

    @property
    def name(self) -> str:
        """The exchange."""

    def prepare(self, symbols: Sequence[str]) -> None:
        """Load what is known of its markets, and check the symbols."""

    def now_ms(self) -> int | None:
        """Its own time in Unix milliseconds; None if it can't be asked."""

    def span(self, symbol: str | None) -> Span:
        """How it limits the time that is asked for."""

    def has_funding(self, symbol: str | None) -> bool:
        """Whether funding is asked for beside the trades."""

    def trades(self, symbol: str | None, since_ms: int, until_ms: int | None) -> Sequence[Unified]:
        """One page of the account's trades, of all symbols if None: the oldest or the newest of the span."""

    def funding(self, symbol: str | None, since_ms: int, until_ms: int | None) -> Sequence[Unified]:
        """One page of funding."""

    def contract_size(self, symbol: str) -> str:
        """How many units one contract is; empty if amounts count units."""
