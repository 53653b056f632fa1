"""What to do when the sidecar can't follow a stream."""

from functools import partial

from telemetry_stream.advice import MARKET_FEED, advise

advice = partial(advise, reader="SIDECAR")
"""One sentence for the operator of the sidecar and the web app, about an Obstacle."""

market_advice = partial(advise, reader="SIDECAR", writer=MARKET_FEED)
"""One sentence for the operator of the sidecar and the market feed, about an Obstacle."""
