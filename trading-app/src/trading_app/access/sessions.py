"""Sessions of signed-in browsers, kept in memory.

They end with the app. A token can only be removed from the settings by a restart, so its sessions end with it.
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
    """Sessions by the digest of the cookie's value. Beyond a maximum, for each caller and in total, the oldest ends."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sessions: dict[bytes, Caller] = {}

    def begin(self, caller: Caller) -> str:
        """Begin a session, which ends with the caller's lease at the latest. Returns the cookie's value."""
        for digest in [digest for digest, known in self._sessions.items() if not _holds(known)]:
            del self._sessions[digest]
        own = [digest for digest, known in self._sessions.items() if known.name == caller.name]
        if len(own) >= MAX_OF_ONE:
            self._end(own[0])
        while len(self._sessions) >= MAX_SESSIONS:
            self._end(next(iter(self._sessions)))
        key = secrets.token_urlsafe(32)
        latest = unix_seconds(self._clock) + MAX_SECONDS
        lease = Lease(latest if caller.lease is None else min(caller.lease.until, latest), self._clock)
        self._sessions[digest_of(key.encode())] = dataclasses.replace(caller, lease=lease)
        return key

    def find(self, key: bytes) -> Caller | None:
        """The caller of a session; None if it is unknown or has ended."""
        caller = self._sessions.get(digest_of(key))
        return caller if caller is not None and _holds(caller) else None

    def end(self, key: bytes) -> Caller | None:
        """End a session. Returns its caller; None if it is unknown or has ended."""
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
