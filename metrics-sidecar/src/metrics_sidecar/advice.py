"""What to do when the sidecar can't follow the web app."""

from functools import partial

from telemetry_stream.advice import advise

advice = partial(advise, reader="SIDECAR")
"""One sentence for the operator of both programs, about an Obstacle."""
