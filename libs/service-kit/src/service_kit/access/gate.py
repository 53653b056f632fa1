"""Who may ask a program, in one sequence for all programs: 403 foreign host, 401, 429, 403 missing scope. No I/O.

Where tokens are set, a caller shows one. Where none are, the program listens on loopback, and a caller has to use one
of its own host names.

**Guessing.** After a few wrong tokens its network waits (429). A strong token is recognised before that: nobody can
guess 128 random bits, so an answer to a right one helps no attacker, and a sender never pays for the wrong tokens of
a neighbour. A weak one would be found by the difference, so in a network that waits a weak token gets the same answer
whether it is right or wrong, unless the same address has shown it before.
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
"""Prometheus in a container asks for this path by the container's name for the host."""

Scopes = frozenset[str]


class Attempt(msgspec.Struct, frozen=True):
    """A token that was shown: its digest, what it may do (None: unknown), and how long its network waits, seconds."""

    digest: bytes
    address: str
    scopes: Scopes | None
    wait: int


class Gate:
    """The access rule of one program. What a credential is besides an API token, the program adds."""

    def __init__(
        self, realm: str, setting: str, entries: Sequence[str], clock: Clock, own_hosts: Sequence[str] = ()
    ) -> None:
        """`realm` names the program, `setting` the setting that `entries` come from. Raises ValueError for a bad entry.

        `own_hosts` are names of the program beside those of loopback, each `HOST` or `HOST:PORT`.
        """
        self._realm = realm
        self._setting = setting
        self.tokens = Tokens(entries)
        self._throttle = TokenThrottle(clock)
        self._hosts = OwnHosts(*own_hosts)
        self._scraped_hosts = OwnHosts(*own_hosts, HOST_OF_A_CONTAINER)

    def attempt(self, token: bytes, address: str) -> Attempt:
        """What the token, which is not empty, is known to open, shown by a caller at an address."""
        digest = digest_of(token)
        entry = self.tokens.find(digest)
        if entry is not None and entry.hashed and may_be_strong(token):
            return Attempt(digest, address, entry.scopes, 0)
        wait = self._throttle.wait(address, digest)
        if wait or entry is None:
            return Attempt(digest, address, None, wait)
        self._throttle.note_right(address, digest)
        return Attempt(digest, address, entry.scopes, 0)

    def refusal(self, attempt: Attempt, reason: str = "") -> Problem:
        """The answer to a token that opens nothing; it counts as a guess. `reason` is for the caller and the log."""
        if attempt.wait:
            detail = f"wrong tokens come from your address; try again in {attempt.wait} seconds"
            return Problem("too_many_attempts", detail, retry_after=attempt.wait)
        reason = reason or f"the token is not one of {self._setting}"
        if self._throttle.note_wrong(attempt.address, attempt.digest):
            log.warning("a token was refused", address=attempt.address, reason=reason)
        return self.unauthorized(reason, "invalid_token")

    def unauthorized(self, detail: str, error: str = "") -> Problem:
        """The 401 of a request without a credential that counts."""
        challenge = f'Bearer realm="{self._realm}"' + (f', error="{error}"' if error else "")
        return Problem("unauthorized", detail, headers={"WWW-Authenticate": challenge})

    def identify(self, token: bytes, address: str) -> Scopes:
        """What the token opens; empty where the request has none. Raises Problem: 401, 429."""
        if not token:
            raise self.unauthorized(f"send the header 'Authorization: Bearer TOKEN' with one of {self._setting}")
        attempt = self.attempt(token, address)
        if attempt.scopes is None:
            raise self.refusal(attempt)
        return attempt.scopes

    def require_scope(self, needed: str, scopes: Scopes) -> None:
        """Raises Problem, 403, where the scope is missing."""
        if needed not in scopes:
            challenge = f'Bearer realm="{self._realm}", error="insufficient_scope", scope="{needed}"'
            detail = f"the scope {needed} is needed; this token has {', '.join(sorted(scopes))}"
            raise Problem("forbidden", detail, headers={"WWW-Authenticate": challenge})

    def is_own_host(self, header: bytes) -> bool:
        """Whether the header `Host` names this program; so does none."""
        return self._hosts.include(header)

    def require_own_host(self, path: str, header: bytes, settings: str = "") -> None:
        """Raises Problem, 403, for a foreign host. `settings` would help, in words; by default the tokens' one."""
        hosts = self._scraped_hosts if path == SCRAPED_PATH else self._hosts
        if not hosts.include(header):
            detail = (
                f"the header Host is not a name of {self._realm}: ask at 127.0.0.1, or set {settings or self._setting}"
            )
            raise Problem("foreign_host", detail)
