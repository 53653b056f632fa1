"""`metrics-sidecar` that kills itself (SIGKILL) while it saves a snapshot: the program `dying-sidecar`.

The environment says when: DIE_AT (one of MOMENTS) of which save (DIE_AT_SAVE, from 1).
"""

import os
import signal
import sys
from pathlib import Path

import metrics_sidecar.main

MOMENTS = ("half written", "not synced", "not renamed", "renamed")


def settings(moment: str, save: int) -> dict[str, str]:
    """The environment of the program."""
    return {"DIE_AT": moment, "DIE_AT_SAVE": str(save)}


class _Death:
    """Stands in for the calls that a save makes, in this order: sync of the file, rename, sync of the folder."""

    def __init__(self, moment: str, save: int) -> None:
        self._moment, self._save = moment, save
        self._saves = 0
        self._fsync = os.fsync

    def fsync(self, descriptor: int) -> None:
        is_file = Path(f"/proc/self/fd/{descriptor}").is_file()
        self._saves += is_file
        if self._is_due("half written" if is_file else "renamed"):
            if is_file:
                os.ftruncate(descriptor, os.fstat(descriptor).st_size // 2)
            self._die()
        if is_file and self._is_due("not synced"):
            self._die()
        self._fsync(descriptor)

    def rename(self) -> None:
        if self._is_due("not renamed"):
            self._die()

    def _is_due(self, moment: str) -> bool:
        return (moment, self._saves) == (self._moment, self._save)

    @staticmethod
    def _die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)


def main() -> int:
    """What the sidecar's own `main` does, up to its death."""
    death = _Death(os.environ["DIE_AT"], int(os.environ["DIE_AT_SAVE"]))
    os.fsync = death.fsync  # type: ignore[assignment]  # it is put in place of the system's
    sys.addaudithook(lambda event, _: death.rename() if event == "os.rename" else None)
    sys.argv[:] = ["metrics-sidecar"]
    return metrics_sidecar.main.main()
