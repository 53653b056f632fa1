"""Counters and state for the caller."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Refusal:
    """A line that the app will never take as it is: its text, the app's code, and why."""

    line: str
    code: str
    reason: str


@dataclass(frozen=True)
class Status:
    """Counters since the client was made, in trades and events; `waiting_bytes` and `refused_bytes` of the whole spool.

    `recorded` counts what this client recorded; the others include what earlier processes left in the spool.
    `state` is `idle`, `waiting` (the app can't be reached, or asks to wait), `denied` (401 or 403) or `closed`;
    `trouble` says why, empty if nothing is wrong.
    """

    recorded: int
    accepted: int
    duplicates: int
    refused: int
    rejected_by_full_spool: int
    failed_attempts: int
    waiting_bytes: int
    refused_bytes: int
    state: str
    trouble: str
    last_refusals: tuple[Refusal, ...]

    @property
    def sent(self) -> int:
        """What the app has: newly accepted, or known to it before."""
        return self.accepted + self.duplicates
