"""An authenticated caller."""

from dataclasses import dataclass

from service_kit.access.tokens import EVERY_SCOPE
from trading_app.access.lease import Lease


@dataclass(frozen=True, slots=True)
class Caller:
    """A caller with a valid credential. `name` is for people; without a `lease` the credential never expires."""

    name: str
    scopes: frozenset[str]
    lease: Lease | None = None
    id: str = ""
    """Identifies the credential, across restarts too; a session has the id of its credential. Empty for ANYBODY."""

    accounts: frozenset[str] | None = None
    """The accounts that the caller may send trades for; None for all."""


ANYBODY = Caller("", EVERY_SCOPE)
"""Every caller, if no credential is set."""
