"""Files that are uploaded to be imported: preview, other options, taking, forgetting, limits; by a child process."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from service_kit.access.tokens import EVERY_SCOPE, entry_text, mint, read_scopes
from service_kit.clock import SYSTEM_CLOCK
from tests.support.polling import eventually
from tests.trading_app.problem_documents import problem
from tests.trading_app.running import running
from trading_app.access.caller import Caller
from trading_app.imports.frames import Done, Failed
from trading_app.imports.options import Options
from trading_app.imports.uploads import MAX_RUNNING_OF_CALLER, MAX_UPLOADS, Upload, Uploads
from trading_app.problems import TradeProblem

ROWS = (
    "ts,symbol,side,qty,price\n"
    "2025-02-10T14:30:00Z,BTC/USDT,buy,10,605.2699\n"
    "2025-03-20T14:30:00Z,BTC/USDT,sell,10,610\n"
)
LOCAL = ROWS.replace("T14:30:00Z", " 14:30:00")
FILE = {"Content-Type": "application/octet-stream"}

Ask = Callable[[str], dict[str, Any]]


def upload(client: httpx.Client, content: str | bytes, **options: str) -> dict[str, Any]:
    """The upload once it is read."""
    answer = client.post("/imports", params={"name": "fills.csv", **options}, content=content, headers=FILE)
    return settled(client, answer)


def settled(client: httpx.Client, answer: httpx.Response) -> dict[str, Any]:
    """The upload once its child has ended."""
    found: dict[str, Any] = answer.raise_for_status().json()

    def is_settled() -> bool:
        found.update(client.get(f"/imports/{found['id']}").json())
        return found["state"] not in ("reading", "taking")

    eventually(is_settled)
    return found


def test_a_file_is_shown_then_taken(client: httpx.Client, account: str) -> None:
    found = upload(client, ROWS, account=account)
    assert (found["state"], found["name"], found["report"]["state"]) == ("planned", "fills.csv", "ready")
    assert found["report"]["positions"][0]["realized_pnl"] == "47.301"
    assert client.get("/trades", params={"account": account}).json()["trades"] == []
    taken = settled(client, client.post(f"/imports/{found['id']}/take"))
    assert (taken["state"], taken["report"]["state"], taken["report"]["result"]["accepted"]) == ("taken", "taken", 2)
    stored = client.get("/trades", params={"account": account}).json()["trades"]
    assert {fill["import_id"] for fill in stored} == {found["report"]["import_id"]}
    listed = client.get("/imports?limit=1").json()["imports"][0]
    assert (listed["id"], listed["name"]) == (found["report"]["import_id"], "fills.csv")
    assert client.post(f"/imports/{found['id']}/take").json()["state"] == "taken", "again changes nothing"
    again = upload(client, ROWS, account=account)
    assert again["report"]["state"] == "nothing_new"
    assert client.post(f"/imports/{found['id']}/drop").status_code == 204
    problem(client.get(f"/imports/{found['id']}"), "not_found")


def test_a_question_is_answered_without_another_upload(client: httpx.Client, account: str) -> None:
    found = upload(client, LOCAL, account=account)
    assert [asked["option"] for asked in found["report"]["questions"]] == ["--timezone"]
    problem(client.post(f"/imports/{found['id']}/take"), "event_conflict")
    options = {"account": account, "timezone": "Europe/Berlin"}
    found = settled(client, client.post(f"/imports/{found['id']}/plan", json=options))
    assert found["report"]["span"]["first"] == "2025-02-10T13:30:00Z"
    taken = settled(client, client.post(f"/imports/{found['id']}/take"))
    assert taken["report"]["result"]["accepted"] == 2


@pytest.mark.parametrize("content", [b"", b"\x00\xff" * 100, b"%PDF-1.7\n", b"a,b\n1,2\n", b"{", b"PK\x03\x04"])
def test_what_is_no_file_of_trades_gets_a_clear_word(client: httpx.Client, content: bytes) -> None:
    found = upload(client, content)
    assert (found["state"], found["report"]["state"] in ("refused", "question")) == ("planned", True)


def test_options_that_can_t_be_used(client: httpx.Client, account: str) -> None:
    found = upload(client, ROWS, preset="binanc", account=account)
    assert (found["state"], "is no preset" in found["detail"]) == ("failed", True)
    problem(client.post(f"/imports/{found['id']}/plan", content=b"{", headers=FILE), "not_json")
    found = settled(client, client.post(f"/imports/{found['id']}/plan", json={"mapping": "nonsense: 1"}))
    assert found["state"] == "failed"
    problem(client.post("/imports?nonsense=1", content=ROWS, headers=FILE), "invalid_parameter")


def test_another_site_can_t_upload(client: httpx.Client) -> None:
    foreign = {**FILE, "Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    problem(client.post("/imports", content=ROWS, headers=foreign), "foreign_origin")


def test_an_upload_belongs_to_its_token_which_needs_its_scopes(tmp_path: Path) -> None:
    one, other, reader = mint(), mint(), mint()
    entries = [
        entry_text(one, read_scopes(["ingest", "read"])),
        entry_text(other, read_scopes(["ingest", "read"]), ["desk"]),
        entry_text(reader, read_scopes(["read"])),
    ]
    with running(tmp_path, WEBAPP_API_TOKENS=",".join(entries), WEBAPP_MAX_IMPORT_BYTES="2000") as app:
        problem(app.client.post("/imports", content=ROWS, headers=bearer(reader)), "forbidden")
        problem(app.client.post("/imports", content=ROWS * 50, headers=bearer(one)), "too_large")
        problem(app.client.post("/imports", content=iter([ROWS.encode() * 50]), headers=bearer(one)), "too_large")
        mine = app.client.post("/imports", content=ROWS, headers=bearer(one)).json()
        problem(app.client.get(f"/imports/{mine['id']}", headers=bearer(other)), "not_found")
        bound = app.client.post("/imports", content=ROWS, headers=bearer(other)).json()
        assert "desk" in json.dumps(bound), "its token sends trades of that account only"
        assert app.stop() == 0


def bearer(token: str) -> dict[str, str]:
    return {**FILE, "Authorization": f"Bearer {token}"}


class HeldUploads(Uploads):
    """Uploads whose reading ends once it may."""

    def __init__(self) -> None:
        super().__init__(no_app, SYSTEM_CLOCK)
        self.may_end = asyncio.Event()

    async def _follow(self, _upload: Upload, _what: str) -> Done | Failed:
        await self.may_end.wait()
        return Failed("no file", is_input=True)

    async def upload(self, name: str, body: asyncio.Event | None = None) -> Upload:
        """An upload of a caller with this name, whose body ends with the event."""
        return await self.begin(Caller(name, EVERY_SCOPE, id=name), "fills.csv", Options(), self._body(body))

    async def is_refused(self, name: str) -> bool:
        try:
            await self.upload(name)
        except TradeProblem as refused:
            return refused.code == "too_many_imports"
        return False

    async def _body(self, end: asyncio.Event | None) -> AsyncIterator[bytes]:
        yield b"ts"
        if end is not None:
            await end.wait()


async def no_app(*_: object) -> None:
    raise AssertionError("nothing is asked")


def test_no_caller_holds_all_places_for_files_that_are_read() -> None:
    async def run() -> None:
        uploads = HeldUploads()
        for _ in range(MAX_RUNNING_OF_CALLER):
            await uploads.upload("one")
        assert await uploads.is_refused("one")
        held = await uploads.upload("other")
        assert await uploads.is_refused("third"), "there is a maximum for all together, too"
        uploads.may_end.set()
        await uploads.wait(held, 10)
        assert not await uploads.is_refused("third")
        await uploads.close()

    asyncio.run(run())


def test_uploads_that_arrive_together_and_are_too_many_leave_nothing() -> None:
    async def run() -> None:
        uploads, end = HeldUploads(), asyncio.Event()
        sent = [asyncio.create_task(uploads.upload("one", end)) for _ in range(MAX_UPLOADS + 5)]
        await asyncio.sleep(0)
        end.set()
        results = await asyncio.gather(*sent, return_exceptions=True)
        begun = [result for result in results if isinstance(result, Upload)]
        assert len(begun) == MAX_RUNNING_OF_CALLER
        assert {folder.name for folder in begun[0].folder.parent.iterdir()} == {one.id for one in begun}
        uploads.may_end.set()
        await uploads.wait(begun[0], 10)
        assert not await uploads.is_refused("one")
        await uploads.close()

    asyncio.run(run())


def test_a_caller_who_uploads_many_files_pushes_out_none_of_another() -> None:
    async def run() -> None:
        uploads = HeldUploads()
        uploads.may_end.set()
        mine = await uploads.upload("one")
        for _ in range(MAX_UPLOADS + 5):
            await uploads.wait(await uploads.upload("other"), 10)
        assert uploads.find(mine.caller, mine.id) is mine
        await uploads.close()

    asyncio.run(run())
