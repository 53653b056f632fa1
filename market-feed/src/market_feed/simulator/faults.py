"""What a simulated exchange does wrong. Set the attributes at any time. No I/O."""

from dataclasses import dataclass, field
from random import Random


@dataclass(slots=True)
class Faults:
    """Frames are chosen by `chance`; a share of 0.1 is one in ten."""

    chance: Random = field(default_factory=lambda: Random(20_261_128))
    doubled: float = 0.0
    """Share of frames that are sent twice."""

    dropped: float = 0.0
    """Share of frames that are not sent."""

    swapped: float = 0.0
    """Share of frames that are sent after the next one."""

    mute: set[str] = field(default_factory=set)
    """Streams that send nothing."""

    silent: bool = False
    """Nothing is sent at all, no ping either."""

    refuse_upgrade: int = 0
    """The HTTP status that connection attempts get; 0: they are accepted."""

    rest_status: int = 0
    """The HTTP status that REST requests get; 0: they are answered."""

    rest_headers: dict[str, str] = field(default_factory=dict)
    rest_seconds: float = 0.0
    """Delay of a REST answer; infinite: none comes."""

    ignore_time_unit: bool = False
    """Times are milliseconds, whatever was asked for."""

    clock_skew_ms: int = 0
    """How far the exchange's clock is ahead of this machine's; it is in all times of what is published from now on."""

    fragment_bytes: int = 0
    """Frames are sent in fragments of this length; 0: whole."""

    unknown_streams: set[str] = field(default_factory=set)
    """Streams that are accepted and never sent, as for a wrong name."""
