"""Whose the id of an event is. No I/O but through the view.

Exchanges and brokers number within an account, so an id of cash or of an opening belongs to its account, as that of a
fill does. The journal knows an event by its kind and id alone: an id that another account has is stored with the
account in front.
"""

from collections.abc import Mapping
from hashlib import blake2b

import msgspec

from trading_app.ledger.view import LedgerView, StoredEvent

OF_ACCOUNTS = frozenset(("cash", "opening"))
"""Kinds whose ids belong to accounts. Those of all others belong to the ledger."""

MAX_ID = 128


def own_id(account: str, given: str) -> str:
    """The id under which an event of an account is stored where another account has the given id."""
    own = f"{account}:{given}"
    return own if len(own) <= MAX_ID else f"{account}:{blake2b(given.encode(), digest_size=16).hexdigest()}"


def account_in(content: Mapping[str, msgspec.Raw]) -> str:
    """The account that an event's content names; empty for none."""
    given = content.get("account")
    return "" if given is None else _decode_text(given)


def find_own(view: LedgerView, kind: str, given: str, account: str) -> tuple[str, StoredEvent | None]:
    """The id that an event of this account has or would get, and the stored event with it, if there is one."""
    stored = view.find(kind, given)
    if kind not in OF_ACCOUNTS or stored is None or account_in(stored.content) == account:
        return given, stored
    own = own_id(account, given)
    return own, view.find(kind, own)


_decode_text = msgspec.json.Decoder(str).decode
