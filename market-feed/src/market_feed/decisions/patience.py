"""How long something was waited for, as far as this program ran. No I/O. Times are seconds of a monotonic clock.

A process that was stopped, or that got no processor for seconds, has not asked anybody in that time: its own pause is
no reason to give anything up.
"""

MAX_STEP_SECONDS = 1.0
"""Of the time between two looks at the clock no more counts. Where all is well they come twenty times a second."""


class Patience:
    """Look at the clock often: each look adds the time since the last one, at most MAX_STEP_SECONDS."""

    def __init__(self, now: float) -> None:
        self._waited = 0.0
        self._looked_at = now

    def waited(self, now: float) -> float:
        """Seconds waited so far."""
        self._waited += min(max(now - self._looked_at, 0.0), MAX_STEP_SECONDS)
        self._looked_at = now
        return self._waited

    def restart(self, now: float) -> None:
        """Count from now on: there was progress."""
        self._waited, self._looked_at = 0.0, now
