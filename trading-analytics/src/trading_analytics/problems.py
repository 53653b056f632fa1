"""The program's own error code, besides those of every program."""

from typing import ClassVar

from service_kit.problems import COMMON_TYPES, Problem, ProblemType

TYPES = COMMON_TYPES | {"not_caught_up": ProblemType(503, "Not caught up with the stream yet")}
"""By code, every error of the program. Codes are part of the API and never change."""


class NotCaughtUp(Problem):
    """The history does not have all that the stream has (503). `detail` says what is missing and why."""

    types: ClassVar = TYPES

    def __init__(self, detail: str) -> None:
        super().__init__("not_caught_up", detail, retry_after=1)
