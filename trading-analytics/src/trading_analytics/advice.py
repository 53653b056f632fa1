"""What to do when trading-analytics can't follow the web app."""

from functools import partial

from telemetry_stream.advice import advise

advice = partial(advise, reader="ANALYTICS")
"""One sentence for the operator of both programs, about an Obstacle."""
