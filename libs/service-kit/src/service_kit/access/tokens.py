"""API tokens: how they stand in the settings, what each may do, and how a new one is made. No I/O.

An entry of a setting is a plain token, which may do everything, or `SCOPE+SCOPE:sha256:DIGEST`, with the SHA-256 of
the token in hexadecimal; without `SCOPE+SCOPE:` every scope. A token of 256 random bits needs no slower hash: there is
nothing to guess.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from service_kit.settings import Environment, SettingError

SCOPES = ("ingest", "read", "admin")
"""Send trades; read everything; both, and what changes the app."""

EVERY_SCOPE = frozenset(SCOPES)

_DIGEST = re.compile(r"[0-9a-fA-F]{64}")


@dataclass(frozen=True, slots=True)
class Entry:
    """One token as an app knows it."""

    digest: bytes
    scopes: frozenset[str]
    hashed: bool


def digest_of(token: bytes) -> bytes:
    """What is kept of a token."""
    return hashlib.sha256(token).digest()


def mint() -> str:
    """A new token, of 256 random bits."""
    return secrets.token_urlsafe(32)


def entry_text(token: str, scopes: frozenset[str]) -> str:
    """The entry to put into a setting for a token."""
    named = "admin" if "admin" in scopes else "+".join(scope for scope in SCOPES if scope in scopes)
    return f"{named}:sha256:{digest_of(token.encode()).hex()}"


def read_scopes(words: Iterable[str]) -> frozenset[str]:
    """The scopes of these names; admin has the others too. Raises ValueError for none, and for what is no scope."""
    scopes = frozenset(words)
    if not scopes or not scopes <= EVERY_SCOPE:
        raise ValueError(f"scopes are {', '.join(SCOPES)}")
    return EVERY_SCOPE if "admin" in scopes else scopes


def read_entry(written: str) -> Entry:
    """The entry as it stands in a setting. Raises ValueError, which does not show it."""
    *before, last = written.split(":")
    words = [word.lower() for word in before]
    if "sha256" not in words and not (words and EVERY_SCOPE.issuperset(words[0].split("+"))):
        return Entry(digest_of(written.encode()), EVERY_SCOPE, hashed=False)
    if not (words[-1] == "sha256" and len(words) <= 2 and _DIGEST.fullmatch(last)):
        raise ValueError("write SCOPE+SCOPE:sha256: and 64 hexadecimal digits")
    scopes = read_scopes(words[0].split("+")) if len(words) == 2 else EVERY_SCOPE
    return Entry(bytes.fromhex(last), scopes, hashed=True)


def read_entries(environment: Environment, key: str) -> tuple[str, ...]:
    """The entries of a setting, each checked. Raises SettingError, which shows none of them."""
    entries = environment.words(key)
    for number, entry in enumerate(entries, 1):
        try:
            read_entry(entry)
        except ValueError as error:
            raise SettingError(f"{key}: entry {number} is no token: {error}") from None
    return entries


def token_to_show(environment: Environment, key: str) -> str:
    """The token that our own programs show to the app whose entries stand in `key`; empty where it asks for none.

    MONITORING_TOKEN, if the app takes it, else the first plain token. Raises SettingError where there is neither.
    """
    entries, given = read_entries(environment, key), environment.text("MONITORING_TOKEN", "")
    granted = Tokens(entries).scopes_of(digest_of(given.encode()))
    if not entries or (granted and "read" in granted):
        return given
    plain = next((entry for entry in entries if not read_entry(entry).hashed), None)
    if plain is None:
        raise SettingError(
            f"MONITORING_TOKEN: set a token that {key} takes for read; none of its entries can be shown, all are hashed"
        )
    return plain


class Tokens:
    """The tokens of a setting. There are none where it is falsy."""

    def __init__(self, entries: Sequence[str]) -> None:
        """Raises ValueError for what is no entry."""
        read = [read_entry(entry) for entry in entries]
        self.plain = sum(not entry.hashed for entry in read)
        scopes: dict[bytes, frozenset[str]] = {}
        for entry in read:
            scopes[entry.digest] = scopes.get(entry.digest, frozenset()) | entry.scopes
        self._scopes = list(scopes.items())

    def __bool__(self) -> bool:
        return bool(self._scopes)

    def scopes_of(self, digest: bytes) -> frozenset[str] | None:
        """What the token with this digest may do; None if it is none of them."""
        found = None
        # All are compared, and each in constant time: how long it takes tells nothing.
        for known, scopes in self._scopes:
            if hmac.compare_digest(digest, known):
                found = scopes
        return found


def bearer_token(authorization: bytes) -> bytes:
    """The token in the header `Authorization` (RFC 6750); empty where it shows none."""
    scheme, _, token = authorization.partition(b" ")
    return token.strip() if scheme.lower() == b"bearer" else b""
