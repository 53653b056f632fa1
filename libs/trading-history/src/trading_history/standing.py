"""Which corrections hold, and so what a fill or an import counts as. No I/O.

An event is in force unless a void in force targets it, so a void of a void restores. A fill's content is that of its
last replace in force, by sequence, else its own.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple


class Correction(NamedTuple):
    """A void or a replace. Its target is an earlier event: its sequence is the lower one."""

    seq: int
    kind: Literal["void", "replace"]
    target: int


class Standing(NamedTuple):
    """Whether an event counts, and by which replace: its sequence, 0 where the content is the event's own."""

    in_force: bool = True
    replace: int = 0


def standing_of(subject: int, corrections: Sequence[Correction]) -> tuple[Standing, dict[int, bool]]:
    """What the event with sequence `subject` counts as, and which of its corrections are in force.

    `corrections` are all that concern it, directly or by way of others, in the order of their sequences.
    """
    voided: set[int] = set()
    in_force: dict[int, bool] = {}
    for correction in reversed(corrections):  # those that may void one come after it
        in_force[correction.seq] = correction.seq not in voided
        if correction.kind == "void" and in_force[correction.seq]:
            voided.add(correction.target)
    replaces = [one.seq for one in corrections if one.kind == "replace" and in_force[one.seq]]
    return Standing(subject not in voided, replaces[-1] if replaces else 0), in_force
