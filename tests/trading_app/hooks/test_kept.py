"""Messages that are kept together are kept as if they had come one by one."""

import asyncio
from pathlib import Path

import pytest

from trading_app.hooks import kept
from trading_app.hooks.keeping import Keeping
from trading_app.hooks.kept import Arrived, CantKeep, Kept, KeptMessages, ToKeep


def message(text: str, received_ns: int, hook: str = "bot", reason: str = "why") -> ToKeep:
    return ToKeep(hook, Arrived(text.encode(), "text/plain", received_ns), reason)


def contents(folder: Path) -> dict[str, bytes]:
    return {f"{file.parent.name}/{file.name}": file.read_bytes() for file in folder.rglob("*.json")}


def test_many_at_once_are_kept_as_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MAX_MESSAGES", 20)
    first = [message(f"known {number}", number) for number in range(3)]
    asked = [message(f"text {number % 17}", 100 + number, reason=f"{number}") for number in range(30)]
    asked += [message(f"text {number}", 200 + number, "other") for number in range(25)]
    asked += [message("known 1", 300), message("text 3", 301), message("one too many", 302)]
    together, alone = (KeptMessages(tmp_path / name, lambda _text: False) for name in ("together", "alone"))
    for one in first:
        together.keep(*one)
        alone.keep(*one)
    one_by_one = [alone.keep_all([one])[0] for one in asked]
    found = together.keep_all(asked)
    assert contents(tmp_path / "together") == contents(tmp_path / "alone")
    assert [one.id if isinstance(one, Kept) else type(one) for one in found] == [
        one.id if isinstance(one, Kept) else type(one) for one in one_by_one
    ]
    assert [type(one) for one in found].count(CantKeep) == 5 + 1
    assert (together.count("bot"), together.count("other")) == (20, 20)


def test_one_that_can_not_be_written_costs_no_other(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("no folder")

    async def run() -> list[Kept | BaseException]:
        keeping = Keeping(KeptMessages(tmp_path, lambda _text: False))
        asked = [message(f"{number}", number, ("bot", "other")[number % 2]) for number in range(40)]
        return await asyncio.gather(*(keeping.keep(one) for one in asked), return_exceptions=True)

    found = asyncio.run(run())
    assert [isinstance(one, Kept) for one in found] == [True, False] * 20
    assert isinstance(found[1], OSError)
    assert len(contents(tmp_path)) == 20
