"""What a text may mean, where only the user can say which."""

from dataclasses import dataclass
from typing import Literal

Choice = Literal["decimal", "date order", "zone", "hour", "unit", "side words", "digits"]


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """A text with several readings. `choice` is what decides between them; `readings` are the values it may have."""

    choice: Choice
    text: str
    readings: tuple[str, ...] = ()
