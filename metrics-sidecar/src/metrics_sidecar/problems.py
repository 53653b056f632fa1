"""The sidecar's own error, beside those that every program here may answer."""

from typing import ClassVar

from service_kit.problems import COMMON_TYPES, Problem, ProblemType

TYPES = COMMON_TYPES | {"not_caught_up": ProblemType(503, "Not caught up with the stream yet")}
"""By code, every error of the sidecar. Codes are part of the API: they stay."""


class NotCaughtUp(Problem):
    """Figures are asked for before all trades known at the start are in them. `detail` says what is missing."""

    types: ClassVar = TYPES

    def __init__(self, detail: str) -> None:
        super().__init__("not_caught_up", detail, retry_after=1)
