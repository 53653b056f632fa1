"""The sessions of browsers that signed in. They are kept in memory: the end of the app ends them all, and so the tokens
they were made from can't leave the settings without their sessions.
"""

import dataclasses
import secrets

from service_kit.access.tokens import digest_of
from service_kit.clock import Clock, unix_seconds
from trading_app.access.caller import Caller
from trading_app.access.lease import Lease

MAX_SECONDS = 12 * 3600
MAX_SESSIONS = 1000
MAX_OF_ONE = 20


class Sessions:
    """Sessions by the digest of what the browser's cookie holds. Where one caller has too many, or all together have,
    the oldest ends.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sessions: dict[bytes, Caller] = {}

    def begin(self, caller: Caller) -> str:
        """A session for this caller, which ends with its lease at the latest; what the cookie is to hold."""
        for digest in [digest for digest, known in self._sessions.items() if not _holds(known)]:
            del self._sessions[digest]
        own = [digest for digest, known in self._sessions.items() if known.name == caller.name]
        if len(own) >= MAX_OF_ONE:
            self._end(own[0])
        while len(self._sessions) >= MAX_SESSIONS:
            self._end(next(iter(self._sessions)))
        key = secrets.token_urlsafe(32)
        longest = unix_seconds(self._clock) + MAX_SECONDS
        lease = Lease(longest if caller.lease is None else min(caller.lease.until, longest), self._clock)
        self._sessions[digest_of(key.encode())] = dataclasses.replace(caller, lease=lease)
        return key

    def find(self, key: bytes) -> Caller | None:
        """Whose session it is; None where there is none, or none any more."""
        caller = self._sessions.get(digest_of(key))
        return caller if caller is not None and _holds(caller) else None

    def end(self, key: bytes) -> Caller | None:
        """End it; whose it was."""
        caller = self.find(key)
        if caller is not None:
            self._end(digest_of(key))
        return caller

    def _end(self, digest: bytes) -> None:
        lease = self._sessions.pop(digest).lease
        if lease is not None:
            lease.end()


def _holds(caller: Caller) -> bool:
    return caller.lease is None or caller.lease.holds()
