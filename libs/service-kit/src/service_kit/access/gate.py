"""Who may call a program, in one sequence for all programs: 403 foreign host, 401, 429, 403 missing scope. No I/O.

With tokens configured, a caller must send one. Without, the program listens on loopback only, and the caller must use
one of the program's own host names.

**Guessing.** After MAX_WRONG wrong tokens within a minute, the caller's network must wait (429). Strong tokens skip the
wait: nobody can guess 128 random bits, so a correct answer helps no attacker, and a sender does not suffer from a
neighbour's wrong tokens. Weak tokens do not skip it: the different answer would confirm a guess. While a network waits,
a weak token gets the same answer whether right or wrong, unless the same address has sent it correctly before.
"""

from collections.abc import Sequence

import msgspec
import structlog

from service_kit.access.hosts import HOST_OF_A_CONTAINER, OwnHosts
from service_kit.access.token_throttle import TokenThrottle
from service_kit.access.tokens import Tokens, digest_of, may_be_strong
from service_kit.clock import Clock
from service_kit.problems import Problem

log = structlog.get_logger(__name__)

SCRAPED_PATH = "/metrics"
"""Prometheus in a container requests this path under the container's name for the host."""

Scopes = frozenset[str]


class Attempt(msgspec.Struct, frozen=True):
    """A token that a caller sent: its digest, its scopes (None: unknown or waiting), its network's wait in seconds."""

    digest: bytes
    address: str
    scopes: Scopes | None
    wait: int


class Gate:
    """The access rule of one program. A program with other credentials than API tokens checks those itself."""

    def __init__(
        self, realm: str, setting: str, entries: Sequence[str], clock: Clock, own_hosts: Sequence[str] = ()
    ) -> None:
        """`realm` names the program, `setting` the setting that `entries` come from. Raises ValueError for a bad entry.

        `own_hosts` are further host names of the program, besides loopback: `HOST` or `HOST:PORT`.
        """
        self._realm = realm
        self._setting = setting
        self.tokens = Tokens(entries)
        self._throttle = TokenThrottle(clock)
        self._hosts = OwnHosts(*own_hosts)
        self._scraped_hosts = OwnHosts(*own_hosts, HOST_OF_A_CONTAINER)

    def attempt(self, token: bytes, address: str) -> Attempt:
        """Look up a token that the caller at `address` sent. `token` must not be empty."""
        digest = digest_of(token)
        entry = self.tokens.find(digest)
        # A plain entry may be a phrase that somebody chose, so it is throttled whatever its length.
        if entry is not None and entry.hashed and may_be_strong(token):
            return Attempt(digest, address, entry.scopes, 0)
        wait = self._throttle.wait(address, digest)
        if wait or entry is None:  # one answer for right and wrong, so that waiting callers learn nothing
            return Attempt(digest, address, None, wait)
        self._throttle.note_right(address, digest)
        return Attempt(digest, address, entry.scopes, 0)

    def refusal(self, attempt: Attempt, reason: str = "") -> Problem:
        """The answer to a token without scopes; counts it as a guess. `reason` is for the caller and the log."""
        if attempt.wait:
            detail = f"wrong tokens come from your address; try again in {attempt.wait} seconds"
            return Problem("too_many_attempts", detail, retry_after=attempt.wait)
        reason = reason or f"the token is not one of {self._setting}"
        if self._throttle.note_wrong(attempt.address, attempt.digest):
            log.warning("a token was refused", address=attempt.address, reason=reason)
        return self.unauthorized(reason, "invalid_token")

    def unauthorized(self, detail: str, error: str = "") -> Problem:
        """The 401 answer to a request without a valid credential."""
        challenge = f'Bearer realm="{self._realm}"' + (f', error="{error}"' if error else "")
        return Problem("unauthorized", detail, headers={"WWW-Authenticate": challenge})

    def identify(self, token: bytes, address: str) -> Scopes:
        """The scopes of a token; an empty token means that the request has none. Raises Problem: 401, 429."""
        if not token:
            raise self.unauthorized(f"send the header 'Authorization: Bearer TOKEN' with one of {self._setting}")
        attempt = self.attempt(token, address)
        if attempt.scopes is None:
            raise self.refusal(attempt)
        return attempt.scopes

    def require_scope(self, needed: str, scopes: Scopes) -> None:
        """Raises Problem (403) if the scope is missing."""
        if needed not in scopes:
            challenge = f'Bearer realm="{self._realm}", error="insufficient_scope", scope="{needed}"'
            detail = f"the scope {needed} is needed; this token has {', '.join(sorted(scopes))}"
            raise Problem("forbidden", detail, headers={"WWW-Authenticate": challenge})

    def is_own_host(self, header: bytes) -> bool:
        """Whether the header `Host` names this program. A missing header (`b""`) does: browsers always send it."""
        return self._hosts.include(header)

    def require_own_host(self, path: str, header: bytes, settings: str = "") -> None:
        """Raises Problem (403) for a foreign host. `settings` names what allows it; default: the token setting."""
        hosts = self._scraped_hosts if path == SCRAPED_PATH else self._hosts
        if not hosts.include(header):
            detail = (
                f"the header Host is not a name of {self._realm}: use 127.0.0.1, or set {settings or self._setting}"
            )
            raise Problem("foreign_host", detail)
