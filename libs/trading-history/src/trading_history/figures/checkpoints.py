"""Earlier states of the fold in the store, to go back to when the past changes."""

from collections.abc import Callable
from typing import Any

import apsw
import msgspec

from trading_history.figures.context import Place
from trading_history.figures.frontier import Checkpoint

_decode_place = msgspec.json.Decoder(tuple[int, int, str, int] | None).decode
_decode_state = msgspec.msgpack.Decoder(Checkpoint).decode


class Checkpoints:
    """The checkpoints of one store. Every statement runs in the caller's transaction."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._ask: Callable[..., Any] = connection.execute

    def at(self, place: Place) -> Checkpoint | None:
        """The last checkpoint at a place or before it."""
        return self._state(self._last(lambda at: at <= place))

    def go_back(self, place: Place) -> Checkpoint | None:
        """The last checkpoint before a place. Later ones are removed: their past is another one now."""
        number = self._last(lambda at: at < place)
        self._connection.execute("DELETE FROM checkpoints WHERE number > ?", (number,))
        return self._state(number)

    def keep(self, state: Checkpoint) -> None:
        """Add a checkpoint, and thin out the older ones."""
        number: int = self._ask("SELECT ifnull(max(number), 0) + 1 FROM checkpoints").get
        values = (number, msgspec.json.encode(state.frontier).decode(), msgspec.msgpack.encode(state))
        self._connection.execute("INSERT INTO checkpoints VALUES (?, ?, ?)", values)
        # The older, the fewer: of those that are 8 to 16 back every second, 16 to 32 back every fourth, and so on.
        older: list[int] = [one for (one,) in self._ask("SELECT number FROM checkpoints").fetchall()]
        drop = [(one,) for one in older if one % (1 << max((number - one).bit_length() - 3, 0))]
        self._connection.executemany("DELETE FROM checkpoints WHERE number = ?", drop)

    def _last(self, wanted: Callable[[Place], bool]) -> int:
        """The number of the last checkpoint whose place is wanted; 0 if none is."""
        for number, text in self._ask("SELECT number, place FROM checkpoints ORDER BY number DESC").fetchall():
            at = _decode_place(text)
            if at is not None and wanted(at):
                return int(number)
        return 0

    def _state(self, number: int) -> Checkpoint | None:
        state = self._ask("SELECT state FROM checkpoints WHERE number = ?", (number,)).get
        return None if state is None else _decode_state(state)
