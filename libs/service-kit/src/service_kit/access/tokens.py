"""API tokens: the format of their entries in a setting, their scopes, and how a new token is made. No I/O.

An entry is either a plain token, which has every scope, or `SCOPE+SCOPE:sha256:DIGEST`, where DIGEST is the SHA-256 of
the token in hexadecimal; without `SCOPE+SCOPE:` it has every scope. `account=NAME` among the scopes binds the token to
that account, or to several: `ingest+account=main+account=hedge:sha256:DIGEST`. A token of 256 random bits needs no slow
hash: it can't be guessed from its digest. Short plain tokens could be guessed, and are rejected.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from service_kit.settings import Environment, SettingError

SCOPES = ("ingest", "correct", "read", "admin")
"""ingest: send trades, cash and notes. correct: correct them, and say what symbols, prices and rates are.
read: read everything. admin: all of these, and calls that change the app.
"""

EVERY_SCOPE = frozenset(SCOPES)

MIN_PLAIN_CHARACTERS = 16
"""Minimum length of a plain token: a word or a name can be guessed in spite of the throttle."""

MIN_STRONG_CHARACTERS = 22
"""Length of 128 random bits in base64. A shorter token counts as guessable."""

ACCOUNT = "account="
"""Prefix of the name of an account that a token is bound to."""

_DIGEST = re.compile(r"[0-9a-fA-F]{64}")


@dataclass(frozen=True, slots=True)
class Entry:
    """One token of a setting. `hashed` is whether the setting holds its digest instead of the token."""

    digest: bytes
    scopes: frozenset[str]
    hashed: bool
    accounts: frozenset[str] | None = None
    """The accounts that it may send trades for; None for all."""


def digest_of(token: bytes) -> bytes:
    """SHA-256 of a token: all that is kept of it."""
    return hashlib.sha256(token).digest()


def mint() -> str:
    """A new token of 256 random bits, in URL-safe base64."""
    return secrets.token_urlsafe(32)


def may_be_strong(token: bytes) -> bool:
    """Whether the token is long enough for 128 random bits. Such tokens with a hashed entry are not throttled."""
    return len(token) >= MIN_STRONG_CHARACTERS


def entry_text(token: str, scopes: frozenset[str], accounts: Iterable[str] = ()) -> str:
    """The hashed entry of a token, as written into a setting."""
    words = ["admin"] if "admin" in scopes else [scope for scope in SCOPES if scope in scopes]
    words += [f"{ACCOUNT}{name}" for name in accounts]
    return f"{'+'.join(words)}:sha256:{digest_of(token.encode()).hex()}"


def read_scopes(words: Iterable[str]) -> frozenset[str]:
    """The scopes with these names; admin includes the others. Raises ValueError for none, or for an unknown name."""
    scopes = frozenset(words)
    if not scopes or not scopes <= EVERY_SCOPE:
        raise ValueError(f"scopes are {', '.join(SCOPES)}")
    return EVERY_SCOPE if "admin" in scopes else scopes


def read_entry(written: str) -> Entry:
    """Parse one entry of a setting. Raises ValueError, whose message does not show the entry."""
    *before, last = written.split(":")
    words = before[0].split("+") if before else []
    scopes = {word.lower() for word in words if not word.startswith(ACCOUNT)}
    # A plain token may contain colons: only a first part that names scopes, or `sha256`, makes it a hashed entry.
    if "sha256" not in map(str.lower, before) and not (scopes and EVERY_SCOPE.issuperset(scopes)):
        return Entry(digest_of(written.encode()), EVERY_SCOPE, hashed=False)
    if not (before[-1].lower() == "sha256" and len(before) <= 2 and _DIGEST.fullmatch(last)):
        raise ValueError("write SCOPE+SCOPE:sha256: and 64 hexadecimal digits")
    if len(before) == 1:
        return Entry(bytes.fromhex(last), EVERY_SCOPE, hashed=True)
    accounts = frozenset(word.removeprefix(ACCOUNT) for word in words if word.startswith(ACCOUNT))
    if "" in accounts:
        raise ValueError(f"write the account's name after {ACCOUNT}")
    return Entry(bytes.fromhex(last), read_scopes(scopes), hashed=True, accounts=accounts or None)


def read_entries(environment: Environment, key: str) -> tuple[str, ...]:
    """The entries of a setting, each checked. Raises SettingError, whose message shows none of them."""
    entries = environment.words(key)
    for number, entry in enumerate(entries, 1):
        try:
            known = read_entry(entry)
        except ValueError as error:
            raise SettingError(f"{key}: entry {number} is not a token: {error}") from None
        if not known.hashed and len(entry) < MIN_PLAIN_CHARACTERS:
            raise SettingError(
                f"{key}: entry {number} is a plain token of {len(entry)} characters, at least"
                f" {MIN_PLAIN_CHARACTERS} are needed; `trading-app token` makes a token and its entry"
            )
    return entries


def token_to_show(environment: Environment, key: str) -> str:
    """The token that our own programs send to the program whose entries are in `key`; empty if `key` has no entries.

    MONITORING_TOKEN if one of the entries accepts it for `read`, else the first plain token. Raises SettingError if
    neither exists.
    """
    entries, given = read_entries(environment, key), environment.text("MONITORING_TOKEN", "")
    granted = Tokens(entries).scopes_of(digest_of(given.encode()))
    if not entries or (granted and "read" in granted):
        return given
    plain = next((entry for entry in entries if not read_entry(entry).hashed), None)
    if plain is None:
        raise SettingError(
            f"MONITORING_TOKEN: set a token that {key} accepts for read; its entries are all hashed, none can be sent"
        )
    return plain


class Tokens:
    """The tokens of a setting; falsy if there are none.

    `plain` is the number of plain entries. Two entries of one token are one token with the scopes of both.
    """

    def __init__(self, entries: Sequence[str]) -> None:
        """Raises ValueError if an entry is malformed."""
        read = [read_entry(entry) for entry in entries]
        self.plain = sum(not entry.hashed for entry in read)
        merged: dict[bytes, Entry] = {}
        for entry in read:
            known = merged.get(entry.digest)
            merged[entry.digest] = entry if known is None else _both(known, entry)
        self._entries = list(merged.values())

    def __bool__(self) -> bool:
        return bool(self._entries)

    def find(self, digest: bytes) -> Entry | None:
        """The entry of the token with this digest; None if there is none."""
        found = None
        # All are compared, each in constant time, so that the duration reveals nothing about the tokens.
        for entry in self._entries:
            if hmac.compare_digest(digest, entry.digest):
                found = entry
        return found

    def scopes_of(self, digest: bytes) -> frozenset[str] | None:
        """The scopes of the token with this digest; None if it is unknown."""
        found = self.find(digest)
        return found.scopes if found is not None else None


def _both(one: Entry, other: Entry) -> Entry:
    """One token of two entries. Accounts limit what it may send, so an entry that may not send says nothing of them."""
    senders = [entry.accounts for entry in (one, other) if "ingest" in entry.scopes]
    bound = [accounts for accounts in senders if accounts is not None]
    accounts = frozenset().union(*bound) if bound and len(bound) == len(senders) else None
    return Entry(one.digest, one.scopes | other.scopes, one.hashed and other.hashed, accounts)


def bearer_token(authorization: bytes) -> bytes:
    """The token of an `Authorization` header (RFC 6750); empty if it has none."""
    scheme, _, token = authorization.partition(b" ")
    return token.strip() if scheme.lower() == b"bearer" else b""
