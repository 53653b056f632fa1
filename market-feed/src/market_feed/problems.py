"""The program's own error code, besides those of every program."""

from typing import ClassVar

from service_kit.problems import COMMON_TYPES, Problem, ProblemType

TYPES = COMMON_TYPES | {"not_connected": ProblemType(503, "Not connected to a venue yet")}
"""By code, every error of the program. Codes are part of the API and never change."""


class NotConnected(Problem):
    """A venue that is to be followed now is not connected (503). `detail` says which and why."""

    types: ClassVar = TYPES

    def __init__(self, detail: str) -> None:
        super().__init__("not_connected", detail, retry_after=1)
