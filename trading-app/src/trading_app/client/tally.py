"""Running totals of what was sent and how the app answered."""

from dataclasses import dataclass

import msgspec


class Receipt(msgspec.Struct, frozen=True):
    """The app's answer to a batch: all of it is durable. `duplicates` were in the journal before."""

    accepted: int
    duplicates: int
    first_seq: int | None = None
    last_seq: int | None = None


@dataclass(slots=True)
class Tally:
    """Running totals in trades; `repeated` in requests. `reached` is the place of the last trade sent.

    Trades whose answer was lost count as duplicates, since the second attempt finds them in the journal.
    """

    sent: int = 0
    accepted: int = 0
    duplicates: int = 0
    first_seq: int | None = None
    last_seq: int | None = None
    repeated: int = 0
    reached: str = ""

    def add(self, trades: int, receipt: Receipt, reached: str) -> None:
        """Count a batch that was answered."""
        self.sent += trades
        self.accepted += receipt.accepted
        self.duplicates += receipt.duplicates
        self.reached = reached
        if receipt.first_seq is not None:
            self.first_seq = min(self.first_seq or receipt.first_seq, receipt.first_seq)
        if receipt.last_seq is not None:
            self.last_seq = max(self.last_seq or 0, receipt.last_seq)

    def summary(self, seconds: float) -> str:
        """One line of totals for the end."""
        span = f", seq {self.first_seq} to {self.last_seq}" if self.sent else ""
        repeated = f", {self.repeated} attempts repeated" if self.repeated else ""
        counts = f"sent {self.sent}, accepted {self.accepted}, duplicates {self.duplicates}{span}{repeated}"
        return f"{counts}, {seconds:.1f} s, {self.sent / max(seconds, 1e-9):.0f} trades/s"
