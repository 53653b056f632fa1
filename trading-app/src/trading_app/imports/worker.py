"""The child process that reads an uploaded file, which may be hostile: under limits, without network or credentials.

`python -m trading_app.imports.worker plan FOLDER` makes the plan of FOLDER/file; `take` takes what was planned. It asks
the app over its standard input and output.
"""

import resource
import sys
import threading
import time
from pathlib import Path
from typing import BinaryIO

import msgspec

from trading_app.imports import frames
from trading_app.imports.frames import FILE, OPTIONS, Call, CallAnswer, Done, Failed, Given, Said, Step
from trading_app.imports.ledger import CallRefused, RefusedItem, Unanswered
from trading_app.imports.plan import Plan, make_plan
from trading_app.imports.report import Result
from trading_app.imports.spool import Spool
from trading_app.imports.taking import take
from trading_files.errors import MappingRefused

MAX_DATA_BYTES = 1 << 30
MAX_CPU_SECONDS = 600
MAX_FILE_BYTES = 8 << 30
MAX_ATTEMPTS = 60
RETRIED = (429, 503)

ROWS, PLAN = "rows.sqlite3", "plan.json"


class PipeLedger:
    """The app at the other end of two pipes. Threads wait for each other."""

    def __init__(self, source: BinaryIO, sink: BinaryIO) -> None:
        self._source = source
        self._sink = sink
        self._turn = threading.Lock()
        self._writing = threading.Lock()
        self._stopped = threading.Event()

    def stop(self) -> None:
        """End the waiting of calls that are under way, and of later ones: they raise Unanswered."""
        self._stopped.set()

    def say(self, frame: Said) -> None:
        """Send one frame, also while a call of another thread is under way."""
        with self._writing:
            self._sink.write(frames.encode(frame))
            self._sink.flush()

    def post(self, path: str, body: bytes, content_type: str) -> bytes:
        """The answer to a POST. Raises CallRefused, Unanswered."""
        return self._call(Call("POST", path, body, content_type))

    def get(self, path: str) -> bytes:
        """The answer to a GET. Raises CallRefused, Unanswered."""
        return self._call(Call("GET", path, b"", ""))

    def _call(self, call: Call) -> bytes:
        for _ in range(MAX_ATTEMPTS):
            with self._turn:
                self.say(call)
                answer = self._read()
            if answer.status < 300:
                return answer.body
            if answer.status not in RETRIED:
                raise _refusal(answer)
            if self._stopped.wait(max(0.1, answer.retry_after)):
                raise Unanswered("interrupted")
        raise Unanswered("the app is overloaded; try again later")

    def _read(self) -> CallAnswer:
        size = int.from_bytes(self._source.read(frames.LENGTH_BYTES), "big")
        content = self._source.read(size)
        if not size or len(content) < size:
            raise Unanswered("the app is gone")
        return frames.decode_answer(content)


class _ProblemDocument(msgspec.Struct):
    detail: str = ""
    errors: list[RefusedItem] = []


def _refusal(answer: CallAnswer) -> CallRefused:
    try:
        problem = msgspec.json.decode(answer.body, type=_ProblemDocument)
    except msgspec.MsgspecError:
        problem = _ProblemDocument()
    return CallRefused(answer.status, problem.detail, problem.errors)


def run(what: str, folder: Path, ledger: PipeLedger) -> Done | Failed:
    """Plan, or take what was planned."""
    given = msgspec.json.decode((folder / OPTIONS).read_bytes(), type=Given)
    try:
        if what == "plan":
            return Done(msgspec.json.encode(_plan(folder, given, ledger)))
        return Done(msgspec.json.encode(_take(folder, given, ledger)))
    except (MappingRefused, CallRefused) as error:
        return Failed(str(error), is_input=True)
    except KeyError as error:
        return Failed(str(error.args[0]), is_input=True)
    except Unanswered as error:
        return Failed(str(error), is_input=False)
    except MemoryError:
        return Failed("the file needs more memory than one import may use; split it", is_input=True)


def _plan(folder: Path, given: Given, ledger: PipeLedger) -> Plan:
    (folder / ROWS).unlink(missing_ok=True)
    with (folder / FILE).open("rb") as source, Spool(folder / ROWS) as spool:
        plan = make_plan(
            source,
            given.name,
            given.options,
            spool,
            ledger,
            time.time_ns(),
            lambda step, rows: ledger.say(Step(step, rows)),
        )
    (folder / PLAN).write_bytes(msgspec.json.encode(plan))
    return plan


def _take(folder: Path, given: Given, ledger: PipeLedger) -> Result:
    plan = msgspec.json.decode((folder / PLAN).read_bytes(), type=Plan)
    with Spool(folder / ROWS) as spool:
        return take(
            plan,
            spool,
            ledger,
            revive=bool(given.options.revive),
            progress=lambda result: ledger.say(Step("taking", result.accepted + result.duplicates)),
        )


def _limit() -> None:
    """What a hostile file can cost at most."""
    resource.setrlimit(resource.RLIMIT_CPU, (MAX_CPU_SECONDS, MAX_CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MAX_FILE_BYTES, MAX_FILE_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":  # elsewhere the limit is not kept, or keeps Python from starting threads
        resource.setrlimit(resource.RLIMIT_DATA, (MAX_DATA_BYTES, MAX_DATA_BYTES))


def main() -> int:
    """The process. Exit code 0 once it has said Done or Failed."""
    what, folder = sys.argv[1:]
    ledger = PipeLedger(sys.stdin.buffer, sys.stdout.buffer)
    sys.stdout = sys.stderr  # nothing but frames may get into the pipe
    _limit()
    try:
        ledger.say(run(what, Path(folder), ledger))
    except BrokenPipeError:
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
