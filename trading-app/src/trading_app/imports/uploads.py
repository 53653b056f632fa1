"""Files that were uploaded to be imported: each is read by a child process, shown, and taken on a further call.

They are kept in a folder for temporary files, for an hour after their last use, and not over a restart: what was not
taken by then is uploaded again.
"""

import asyncio
import contextlib
import os
import secrets
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import structlog
from msgspec import Meta
from starlette.types import ASGIApp

from service_kit.clock import Clock
from trading_app.access.caller import Caller
from trading_app.imports import frames
from trading_app.imports.frames import FILE, OPTIONS, Call, CallAnswer, Done, Failed, Given, Step
from trading_app.imports.options import Options
from trading_app.imports.report import Report, Result
from trading_app.intake.service import default_account
from trading_app.problems import TradeProblem

log = structlog.get_logger(__name__)

MAX_UPLOADS = 20
MAX_RUNNING = 3
MAX_RUNNING_OF_CALLER = 2
"""Steps of one caller's files at a time: nobody can keep all others from importing."""

KEPT_SECONDS = 3_600.0
MAX_SECONDS = 1_800.0
"""How long a child may take for one step."""

_ENVIRONMENT = ("PATH", "PYTHONPATH", "TMPDIR", "LANG", "LC_ALL", "TZDIR")
_PATHS = ("/known", "/known/events", "/trades", "/events")

State = Literal["reading", "planned", "taking", "taken", "failed"]


class Shown(msgspec.Struct):
    """An upload as the API shows it."""

    id: Annotated[str, Meta(description="Of the upload, for the calls that follow.")]
    name: str
    state: State
    step: Annotated[str, Meta(description="`reading`, `comparing`, `computing`, `taking`; empty at first.")]
    rows: Annotated[int, Meta(ge=0, description="How many rows the step has done.")]
    detail: Annotated[str | None, Meta(description="Why it failed.")]
    report: Annotated[Report | None, Meta(description="What would change, or has: docs/importing.md.")]


class _Planned(msgspec.Struct):
    """A plan, as far as it is shown."""

    report: Report


class Upload:
    """One uploaded file, and how far its import is."""

    def __init__(self, own_id: str, caller: Caller, name: str, folder: Path, now: float) -> None:
        self.id = own_id
        self.caller = caller
        self.name = name
        self.folder = folder
        self.used = now
        self.state: State = "reading"
        self.step = ""
        self.rows = 0
        self.detail = ""
        self.report: Report | None = None
        self.task: asyncio.Task[None] | None = None

    @property
    def is_running(self) -> bool:
        """Whether a child process is at work."""
        return self.task is not None and not self.task.done()

    def shown(self) -> bytes:
        """The upload as JSON."""
        return msgspec.json.encode(
            Shown(self.id, self.name, self.state, self.step, self.rows, self.detail or None, self.report)
        )


class Uploads:
    """The uploads of one app."""

    def __init__(self, app: ASGIApp, clock: Clock) -> None:
        """`app` answers the calls of the child processes, with the caller that uploaded the file in their scope."""
        self._app = app
        self._clock = clock
        self._uploads: dict[str, Upload] = {}
        self._folder: Path | None = None

    async def begin(self, caller: Caller, name: str, options: Options, body: AsyncIterator[bytes]) -> Upload:
        """Keep a file and begin to read it. Raises Problem."""
        self._make_room(caller)
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="trading-imports-"))
        own_id = secrets.token_urlsafe(12)
        folder = self._folder / own_id
        folder.mkdir(mode=0o700)
        upload = Upload(own_id, caller, name, folder, self._clock.monotonic())
        try:
            with (folder / FILE).open("wb") as file:
                async for part in body:
                    file.write(part)
            self.plan(upload, options)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        self._uploads[own_id] = upload
        return upload

    def plan(self, upload: Upload, options: Options) -> None:
        """Read the file, by these options. Raises TradeProblem (`too_many_imports`, `event_conflict`)."""
        self._require_idle(upload)
        if upload.caller.accounts is not None and not options.account:
            options = msgspec.structs.replace(options, account=default_account(upload.caller))
        given = Given(upload.name, options)
        (upload.folder / OPTIONS).write_bytes(msgspec.json.encode(given))
        upload.state, upload.report, upload.detail = "reading", None, ""
        self._start(upload, "plan")

    def take(self, upload: Upload) -> None:
        """Take what was planned. Raises TradeProblem (`too_many_imports`, `event_conflict`)."""
        self._require_idle(upload)
        if upload.state == "taken":
            return
        if upload.report is None or upload.report.state not in ("ready", "nothing_new"):
            raise TradeProblem("event_conflict", "the file can't be taken: its report has errors or open questions")
        upload.state, upload.rows = "taking", 0
        self._start(upload, "take")

    def find(self, caller: Caller, own_id: str) -> Upload:
        """The caller's upload. Raises TradeProblem (`not_found`)."""
        upload = self._uploads.get(own_id)
        if upload is None or upload.caller.id != caller.id:
            raise TradeProblem("not_found", "there is no such upload; it is kept for an hour, and not over a restart")
        upload.used = self._clock.monotonic()
        return upload

    async def wait(self, upload: Upload, seconds: float) -> None:
        """Wait until the child has ended, or for this time."""
        if upload.task is not None:
            await asyncio.wait((upload.task,), timeout=seconds)

    async def drop(self, upload: Upload) -> None:
        """Forget an upload; its child ends."""
        self._uploads.pop(upload.id, None)
        await _end(upload)

    async def close(self) -> None:
        """End all children and remove the files."""
        for upload in list(self._uploads.values()):
            await self.drop(upload)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _make_room(self, caller: Caller) -> None:
        """Forget what was not used for long; then the oldest of the caller who has the most, so that nobody's go for
        those of another who uploads one after the other. Raises TradeProblem.
        """
        self._require_room(caller)
        now = self._clock.monotonic()
        for upload in self._idle():
            if now - upload.used > KEPT_SECONDS:
                self._forget(upload)
        while len(self._uploads) >= MAX_UPLOADS:
            held = Counter(one.caller.id for one in self._uploads.values())
            self._forget(min(self._idle(), key=lambda one: (-held[one.caller.id], one.used)))

    def _idle(self) -> list[Upload]:
        return [one for one in self._uploads.values() if not one.is_running]

    def _forget(self, upload: Upload) -> None:
        del self._uploads[upload.id]
        shutil.rmtree(upload.folder, ignore_errors=True)

    def _require_idle(self, upload: Upload) -> None:
        if upload.is_running:
            raise TradeProblem("event_conflict", f"the file is at work ({upload.state}); wait until that has ended")
        self._require_room(upload.caller)

    def _require_room(self, caller: Caller) -> None:
        running = Counter(one.caller.id for one in self._uploads.values() if one.is_running)
        if running.total() >= MAX_RUNNING or running[caller.id] >= MAX_RUNNING_OF_CALLER:
            raise TradeProblem("too_many_imports", "other files are being read; try again in a moment", retry_after=5)

    def _start(self, upload: Upload, what: str) -> None:
        upload.task = asyncio.create_task(self._run(upload, what), name=f"import {upload.id}")

    async def _run(self, upload: Upload, what: str) -> None:
        try:
            async with asyncio.timeout(MAX_SECONDS):
                last = await self._follow(upload, what)
        except TimeoutError:
            last = Failed(f"it took longer than {MAX_SECONDS:.0f} s", is_input=True)
        except OSError as error:
            last = Failed(f"the file can't be read here: {error.strerror}", is_input=False)
        self._note(upload, what, last)

    def _note(self, upload: Upload, what: str, last: Done | Failed) -> None:
        if isinstance(last, Failed):
            upload.state, upload.detail = "failed", last.message
            log.warning("an import failed", file=upload.name, step=what, reason=last.message)
        elif what == "plan":
            upload.state, upload.report = "planned", msgspec.json.decode(last.document, type=_Planned).report
        else:
            assert upload.report is not None, "it was planned"
            upload.state, upload.report.state = "taken", "taken"
            upload.report.result = msgspec.json.decode(last.document, type=Result)

    async def _follow(self, upload: Upload, what: str) -> Done | Failed:
        """Run the child and answer its calls, up to its last word."""
        command = [sys.executable, "-m", "trading_app.imports.worker", what, str(upload.folder)]
        environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        child = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=environment,
            cwd=upload.folder,
        )
        assert child.stdin is not None, "it is a pipe"
        assert child.stdout is not None, "it is a pipe"
        try:
            while True:
                size = int.from_bytes(await child.stdout.readexactly(frames.LENGTH_BYTES), "big")
                if size > frames.MAX_FRAME_BYTES:
                    return Failed("the child process says too much at once", is_input=False)
                said = frames.decode_said(await child.stdout.readexactly(size))
                if isinstance(said, (Done, Failed)):
                    return said
                if isinstance(said, Step):
                    upload.step, upload.rows = said.step, said.rows
                    continue
                answer = await self._answer(upload.caller, said)
                child.stdin.write(frames.encode(answer))
                await child.stdin.drain()
        except (asyncio.IncompleteReadError, ConnectionError, msgspec.MsgspecError):
            return Failed("the file needs more time or memory than one import may use", is_input=True)
        finally:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()

    async def _answer(self, caller: Caller, call: Call) -> CallAnswer:
        """The app's own answer to a call, as if the caller had made it."""
        path, _, query = call.path.partition("?")
        if path not in _PATHS:
            return CallAnswer(404, b"{}")
        status, headers, body = 500, list[tuple[bytes, bytes]](), b""
        is_read = False

        async def receive() -> dict[str, object]:
            nonlocal is_read
            if is_read:  # whoever asks again waits for a disconnection, and is cancelled at the end of the answer
                await asyncio.Event().wait()
            is_read = True
            return {"type": "http.request", "body": call.body, "more_body": False}

        async def send(message: dict[str, object]) -> None:
            nonlocal status, headers, body
            if message["type"] == "http.response.start":
                status, headers = message["status"], message["headers"]  # type: ignore[assignment]  # as ASGI has it
            else:
                body += message.get("body", b"")  # type: ignore[operator]  # likewise

        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": call.method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(b"content-type", call.content_type.encode())] if call.content_type else [],
            "client": None,
            "server": None,
            "state": {"caller": caller, "request_id": "import"},
        }
        try:
            await self._app(scope, receive, send)  # type: ignore[arg-type]  # ASGI's own types are wider
        except Exception:
            log.exception("a call of an import failed", path=path)
            return CallAnswer(500, b"{}")
        retry_after = next((value for name, value in headers if name == b"retry-after"), b"0")
        return CallAnswer(status, body, float(retry_after))


async def _end(upload: Upload) -> None:
    if upload.task is not None:
        upload.task.cancel()
        await asyncio.wait((upload.task,))
    shutil.rmtree(upload.folder, ignore_errors=True)
