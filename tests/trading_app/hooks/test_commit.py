"""What is answered where a message meets a fault of the app itself."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from trading_app.context import Context
from trading_app.hooks.commit import HookCommits
from trading_app.hooks.gate import caller_of
from trading_app.hooks.readings import Event, Said, Unreadable
from trading_app.intake.service import Intake
from trading_app.ledger.intake import LedgerIntake


class Broken:
    async def take_json(self, *_: Any) -> None:
        raise RuntimeError("a fault of ours")


def test_a_message_that_meets_a_fault_of_the_app_is_for_a_person(capsys: pytest.CaptureFixture[str]) -> None:
    """An answer of 500 would lose it: its sender does not send it again."""
    open_context = cast(Context, SimpleNamespace(opened_stream=object()))
    commits = HookCommits(open_context, cast(Intake, None), cast(LedgerIntake, Broken()))
    said = Said([], [Event({"kind": "cash", "id": "1", "account": "bot"})])
    with pytest.raises(Unreadable, match="the app failed to commit it; its log says why"):
        asyncio.run(commits.commit(caller_of("bot", frozenset(("bot",))), said, 1))
    assert "a fault of ours" in capsys.readouterr().out
