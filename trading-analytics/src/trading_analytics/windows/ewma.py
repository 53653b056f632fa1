"""A mean of squared returns whose weights fall by half within a half-life. No I/O."""


class Ewma:
    """The mean of one market. Grid points without a return count as returns of 0."""

    __slots__ = ("_decay", "_half_life", "_mean", "_point", "_weight")

    def __init__(self, half_life: float) -> None:
        """`half_life` is in grid points."""
        self._half_life = half_life
        self._decay = 0.5 ** (1 / half_life)
        self._point = 0
        self._mean = 0.0
        self._weight = 0.0
        """Of all returns so far together: near 0 at the start, then towards 1."""

    def skip(self, point: int) -> None:
        """Let the returns up to a grid point count as unknown: they have no weight."""
        kept = self._kept(point)
        self._mean, self._weight, self._point = self._mean * kept, self._weight * kept, point

    def add(self, point: int, square: float) -> None:
        """Add the squared return of a grid point later than those before."""
        self._mean, self._weight = self._aged(point)
        self._mean += (1 - self._decay) * square
        self._point = point

    def at(self, point: int) -> float | None:
        """The mean at a grid point, at or after the last one added; None before any return."""
        mean, weight = self._aged(point)
        return mean / weight if weight else None

    def _aged(self, point: int) -> tuple[float, float]:
        kept = self._kept(point)
        return self._mean * kept, self._weight * kept + (1 - kept)

    def _kept(self, point: int) -> float:
        points = point - self._point
        return self._decay if points == 1 else float(0.5 ** (points / self._half_life))
