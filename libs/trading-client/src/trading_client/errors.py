"""The errors that a caller sees.

Exception
├── TradingClientError
│   ├── SpoolError      the spool can't be used; the trade is not recorded
│   │   └── SpoolFull   the spool has its maximum size, or its disk is full
│   └── Closed          the client is closed
└── ValueError
    └── FieldError      a member of the trade is invalid; `field` names it
"""

from __future__ import annotations


class TradingClientError(Exception):
    """Base of the errors of this package that are not about a value."""


class SpoolError(TradingClientError):
    """The spool can't be read or written. A trade whose `record` raised it is not recorded."""


class SpoolFull(SpoolError):
    """The spool has its maximum size, or its disk is full. The trade is not recorded."""


class Closed(TradingClientError):
    """The client is closed and records nothing more."""


class FieldError(ValueError):
    """An invalid value. `field` names the member; the message says which values are valid."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(f"{field} {detail}")
        self.field = field
        self.detail = detail

    def __reduce__(self) -> tuple[type[FieldError], tuple[str, str]]:
        return FieldError, (self.field, self.detail)
