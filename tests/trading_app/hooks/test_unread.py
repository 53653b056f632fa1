"""A message that can't be read is kept with the reason, and taken once somebody has set up the hook."""

from contextlib import closing
from pathlib import Path

import apsw
import pytest

from telemetry_stream.stores.sqlite.schema import JOURNAL_FILE
from tests.support.changed_bytes import change_byte
from tests.trading_app.hooks.conftest import Bot, Hooks
from tests.trading_app.problem_documents import problem
from tests.trading_app.running import running
from trading_app.hooks.kept import Arrived, KeptMessages

DOCS_TEMPLATE = {"value1": "Buy Order for BONK/USD filled", "value2": "at 0.000004", "value3": ""}
ENTRY = {
    "type": "entry_fill", "trade_id": "7", "exchange": "Kraken", "pair": "ETH/EUR", "direction": "Long",
    "open_rate": "2000.5", "amount": "0.25", "open_date": "2026-07-08 08:00:18+00:00", "sub_trade": "False",
}  # fmt: skip


@pytest.fixture
def hooks(tmp_path: Path) -> Hooks:
    made = Hooks(tmp_path)
    made.add("bot", "preset: freqtrade", "account: bot")
    return made


def test_a_template_of_freqtrades_documents_is_kept_with_what_to_add(bot: Bot) -> None:
    answer = bot.send(DOCS_TEMPLATE, "form")
    assert answer.status_code == 202
    assert answer.json()["reason"] == (
        'add to the template: "type": "{type}", "trade_id": "{trade_id}", "open_date": "{open_date}"'
    )
    again = bot.send(DOCS_TEMPLATE, "form")
    assert again.json()["id"] == answer.json()["id"]
    (kept,) = bot.unread()
    assert (kept["times"], kept["content_type"]) == (2, "application/x-www-form-urlencoded")
    assert kept["body"] == "value1=Buy+Order+for+BONK%2FUSD+filled&value2=at+0.000004&value3="
    typed = bot.send({"type": "entry_fill", **DOCS_TEMPLATE}).json()
    assert typed["reason"] == (
        'add to the template: "trade_id": "{trade_id}", "open_date": "{open_date}", "pair": "{pair}",'
        ' "open_rate": "{open_rate}", "amount": "{amount}", "direction": "{direction}"'
    )
    assert bot.counted() == {"accepted": 0, "known": 0, "ignored": 0, "waiting": 0, "unread": 3, "refused": 0}
    assert bot.app.metric('trading_app_hook_unread_messages{hook="bot"}') == 2


def test_kept_messages_outlive_a_kill_and_are_taken_when_the_hook_is_set_up(tmp_path: Path, hooks: Hooks) -> None:
    with running(tmp_path, WEBAPP_HOOKS_FILE=str(hooks.file)) as app:
        bot = Bot(app, hooks, "bot")
        kept = bot.send(ENTRY | {"account": "hedge"}).json()
        assert kept["reason"] == "the hook is not set up for the account 'hedge': add it to its `accounts`"
        problem(app.client.post(f"/hooks/bot/unread/{kept['id']}/take"), "invalid_trade")
        app.end()
    hooks.file.write_text(hooks.file.read_text() + "    accounts: [hedge]\n")
    with running(tmp_path, WEBAPP_HOOKS_FILE=str(hooks.file)) as app:
        bot = Bot(app, hooks, "bot")
        assert [one["id"] for one in bot.unread()] == [kept["id"]]
        assert app.metric('trading_app_hook_unread_messages{hook="bot"}') == 1
        taken = app.client.post(f"/hooks/bot/unread/{kept['id']}/take")
        assert (taken.status_code, taken.json()["status"]) == (200, "accepted")
        assert bot.unread() == []
        problem(app.client.post(f"/hooks/bot/unread/{kept['id']}/take"), "not_found")
        assert bot.send(ENTRY | {"account": "hedge"}).json()["status"] == "known"
        (trade,) = app.client.get("/trades", params={"account": "hedge"}).json()["trades"]
        assert (trade["symbol"], trade["qty"], trade["side"]) == ("ETH/EUR", "0.25", "buy")


def test_a_dropped_message_is_gone(bot: Bot) -> None:
    kept = bot.send("buy 1 BTC", "raw").json()
    assert kept["reason"].startswith("the message is plain text")
    assert bot.app.client.post(f"/hooks/bot/unread/{kept['id']}/drop").status_code == 204
    assert bot.unread() == []
    assert bot.app.metric('trading_app_hook_unread_messages{hook="bot"}') == 0
    for gone in (kept["id"], "nonsense", "0" * 64):
        problem(bot.app.client.post(f"/hooks/bot/unread/{gone}/drop"), "not_found")


def test_a_message_whose_file_the_disk_has_changed_is_listed_and_not_taken(bot: Bot) -> None:
    kept = [bot.send({"n": f"number {number}"}).json()["id"] for number in range(3)]
    folder = bot.app.data_folder / "hooks/bot"
    digit = (folder / f"{kept[0]}.json").read_bytes().index(b"number 0")
    change_byte(folder / f"{kept[0]}.json", digit + 7)
    (folder / f"{kept[1]}.json").write_bytes(b"\x00\xff")
    said = "its file is damaged"
    assert [(one["id"], one["body"], one["reason"].startswith(said)) for one in bot.unread()] == [
        (kept[0], "", True),
        (kept[1], "", True),
        (kept[2], '{"n": "number 2"}', False),
    ]
    for message in kept[:2]:
        assert said in problem(bot.app.client.post(f"/hooks/bot/unread/{message}/take"), "invalid_trade")["detail"]
    assert bot.send({"n": "number 0"}).json()["id"] == kept[0], "the same message again takes its place"
    assert bot.unread()[0]["body"] == '{"n": "number 0"}'
    assert bot.app.client.post(f"/hooks/bot/unread/{kept[1]}/drop").status_code == 204


def test_secrets_are_blanked_before_a_message_is_kept(bot: Bot, hooks: Hooks) -> None:
    own = hooks.secrets["bot"]
    bot.send(f'{{"passphrase": "hunter2\\"x", "api_key":7, "url": "https://x/hooks/bot/{own}"}}')
    bot.send({"my_password": "hunter3", "token": "hunter4", "x": own}, "form")
    bodies = [one["body"] for one in bot.unread()]
    assert bodies == [
        '{"passphrase": "***", "api_key":"***", "url": "https://x/hooks/bot/***"}',
        "my_password=***&token=***&x=***",
    ]
    for file in (path for path in bot.app.data_folder.rglob("*") if path.is_file()):
        assert b"hunter" not in file.read_bytes()
        assert own.encode() not in file.read_bytes()
    assert own not in bot.app.log_text()
    assert "hunter" not in bot.app.log_text()


def test_secrets_are_looked_for_in_each_word_once(tmp_path: Path) -> None:
    kept = KeptMessages(tmp_path, lambda _text: False)
    words = "secret" * 200_000  # hours, if each of them were looked at from each other
    body = f'&{words} "{words} "my_secret": "x" api_key=1'
    blanked = body.replace('"x"', '"***"').replace("=1", "=***")
    assert kept.keep("bot", Arrived(body.encode(), "text/plain", 1), "").body == blanked


def test_the_maximum_of_kept_messages(bot: Bot) -> None:
    for index in range(70):
        assert bot.send({"n": str(index), "filler": "x" * 60_000}).status_code in (202, 503)
    refused = bot.send({"n": "one more", "filler": "x" * 60_000})
    document = problem(refused, "not_kept")
    assert "`trading-app hook unread bot` shows them" in document["detail"]
    assert refused.headers["retry-after"] == "60"
    messages = bot.unread()
    kept = len({one["id"] for one in messages})
    assert kept == len(messages)
    assert kept * 60_000 <= 4 * 2**20 < (kept + 1) * 60_100
    assert bot.send(ENTRY).json()["status"] == "accepted"
    assert bot.counted()["refused"] == 71 - kept


def test_a_message_that_contradicts_a_stored_trade_is_kept(bot: Bot) -> None:
    assert bot.send(ENTRY | {"sub_trade": "True"}).json()["status"] == "accepted"
    assert bot.send(ENTRY | {"sub_trade": "True"}).json()["status"] == "known"
    kept = bot.send(ENTRY | {"strategy": "other", "sub_trade": "True"}).json()
    assert kept["status"] == "unread"
    assert "differs in strategy" in kept["reason"]


def test_a_repeated_message_is_known_to_a_hook_that_is_set_up_otherwise(tmp_path: Path, hooks: Hooks) -> None:
    with running(tmp_path, WEBAPP_HOOKS_FILE=str(hooks.file)) as app:
        assert Bot(app, hooks, "bot").send(ENTRY).json()["status"] == "accepted"
        app.end()
    hooks.file.write_text(hooks.file.read_text() + "    strategy: renamed\n    currency: EUR\n")
    with running(tmp_path, WEBAPP_HOOKS_FILE=str(hooks.file)) as app:
        bot = Bot(app, hooks, "bot")
        assert bot.send(ENTRY).json()["status"] == "known"
        assert bot.send(ENTRY | {"trade_id": "8"}).json()["status"] == "accepted"
        assert bot.send(ENTRY | {"strategy": "said"}).json()["status"] == "unread", "the message itself says otherwise"


def test_an_app_that_can_keep_nothing_takes_what_it_can_read(tmp_path: Path, hooks: Hooks) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "hooks").write_text("no folder")
    with running(tmp_path, WEBAPP_HOOKS_FILE=str(hooks.file)) as app:
        bot = Bot(app, hooks, "bot")
        assert "Not a directory" in problem(bot.send(DOCS_TEMPLATE, "form"), "not_kept")["detail"]
        assert bot.send(ENTRY).json()["status"] == "accepted"
        assert bot.counted()["refused"] == 1
        assert "can't be counted" in app.log_text()


def test_a_message_that_meets_a_damaged_row_is_kept_and_taken_once_the_row_is_sound(
    tmp_path: Path, hooks: Hooks
) -> None:
    with running(tmp_path, WEBAPP_HOOKS_FILE=str(hooks.file)) as app:
        assert Bot(app, hooks, "bot").send(ENTRY).json()["status"] == "accepted"
        app.stop()
    change_stored(app.data_folder, b"2000.5", b"2000.6")
    with running(tmp_path, WEBAPP_HOOKS_FILE=str(hooks.file)) as app:
        bot = Bot(app, hooks, "bot")
        answer = bot.send(ENTRY)
        assert (answer.status_code, answer.json()["status"]) == (202, "unread")
        assert answer.json()["reason"].startswith("sequences 1 to 1 can't be read")
        take = f"/hooks/bot/unread/{answer.json()['id']}/take"
        problem(app.client.post(take), "damaged_history")
        assert app.metric('trading_app_hook_unread_messages{hook="bot"}') == 1
        app.stop()
    change_stored(app.data_folder, b"2000.6", b"2000.5")
    with running(tmp_path, WEBAPP_HOOKS_FILE=str(hooks.file)) as app:
        assert app.client.post(take).json()["status"] == "known"
        assert Bot(app, hooks, "bot").unread() == []


def change_stored(folder: Path, found: bytes, put: bytes) -> None:
    """Change the bytes of the first stored event, which is not compressed."""
    with closing(apsw.Connection(str(folder / JOURNAL_FILE))) as connection:
        stored: bytes = connection.execute("SELECT events FROM batch WHERE first = 1").get
        assert found in stored
        connection.execute("UPDATE batch SET events = ? WHERE first = 1", (stored.replace(found, put),))
