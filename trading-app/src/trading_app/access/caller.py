"""Who calls, once that is known."""

from dataclasses import dataclass

from service_kit.access.tokens import EVERY_SCOPE
from trading_app.access.lease import Lease


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever shows a credential. `name` is for people; without a `lease` it holds as long as the app runs."""

    name: str
    scopes: frozenset[str]
    lease: Lease | None = None
    id: str = ""
    """The same for the same credential, over restarts too; a session has that of whoever signed in. Empty for ANYBODY.
    """

    accounts: frozenset[str] | None = None
    """The accounts that it may send trades for; None for all."""


ANYBODY = Caller("", EVERY_SCOPE)
"""Every caller, where no credential is set."""
