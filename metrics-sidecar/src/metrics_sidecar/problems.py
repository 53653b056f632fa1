"""The sidecar's own error code, besides those of every program."""

from typing import ClassVar

from service_kit.problems import COMMON_TYPES, Problem, ProblemType

TYPES = COMMON_TYPES | {"not_caught_up": ProblemType(503, "Not caught up with the stream yet")}
"""By code, every error of the sidecar. Codes are part of the API and never change."""


class NotCaughtUp(Problem):
    """Figures are requested before they include all trades known at the start (503). `detail` says what is missing."""

    types: ClassVar = TYPES

    def __init__(self, detail: str) -> None:
        super().__init__("not_caught_up", detail, retry_after=1)
