"""What the journal knows of a market, read before the first event is written."""

from collections.abc import Mapping

import msgspec

from market_feed.decisions.event import GAP, STATUS, candle_space, numbered_anew
from market_feed.decisions.market_state import Known
from market_feed.market import Gap, MarketStatus
from telemetry_stream.id_spaces import IdSpace
from telemetry_stream.log import StreamReader

MAX_GAPS = 10_000


class _Event(msgspec.Struct):
    """The members of a gap or a status that are used."""

    from_id: str = ""
    to_id: str = ""
    reason: str = ""
    status: MarketStatus = "trading"


_decode = msgspec.json.Decoder(_Event).decode


class History:
    """Read access to the journal, and the ids in it."""

    def __init__(self, reader: StreamReader, spaces: Mapping[str, IdSpace]) -> None:
        self._reader = reader
        self._spaces = spaces

    def of(self, space: str) -> Known:
        """What is known of the market with this id space, or the last one that followed it. Raises DamagedHistory."""
        while (later := numbered_anew(space)) in self._spaces:
            space = later
        gaps = [Gap(int(one.from_id), int(one.to_id), one.reason) for one in self._labelled(GAP, space)]
        statuses = self._labelled(STATUS, space)
        return Known(
            self._spaces.get(space),
            gaps,
            self._spaces.get(candle_space(space)),
            statuses[-1].status if statuses else "trading",
            space,
        )

    def _labelled(self, kind: str, space: str) -> list[_Event]:
        found = self._reader.labelled(kind=kind, id=space, limit=MAX_GAPS)
        return [_decode(self._reader.read(one.sequence - 1, 1).events) for one in found]
