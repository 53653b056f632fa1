"""Spans of bars and candles by their names in parameters. No I/O."""

from collections.abc import Mapping
from typing import Annotated, Literal, get_args

from fastapi import Query

Interval = Literal["1s", "1m", "1h", "1d"]
SPANS: Mapping[Interval, int] = dict(zip(get_args(Interval), (1, 60, 3_600, 86_400), strict=True))
"""Seconds of each interval."""

INTERVALS = {seconds: name for name, seconds in SPANS.items()}
"""Each interval by its seconds."""

POINTS, MAX_POINTS = 1_000, 10_000
"""How many bars or candles an answer has at most, if the caller says nothing, and whatever he says."""

IntervalName = Annotated[Interval, Query(description="Span of a bar; coarser where there would be too many.")]
