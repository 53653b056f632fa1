"""Who may send to a hook, and how those are slowed who guess."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from service_kit.access.token_throttle import MAX_WRONG
from service_kit.access.tokens import entry_text, mint, read_scopes
from tests.support.programs import run_command
from tests.trading_app.hooks.conftest import Hooks
from tests.trading_app.hooks.test_unread import ENTRY
from tests.trading_app.problem_documents import problem
from tests.trading_app.running import RunningApp, running
from trading_app.hooks.file import read_file

TOKENS = {name: mint() for name in ("read", "ingest", "correct")}
ENTRIES = ",".join(entry_text(token, read_scopes([name])) for name, token in TOKENS.items())
IGNORED = {"type": "status", "status": "running"}


@pytest.fixture(scope="module")
def hooks(tmp_path_factory: pytest.TempPathFactory) -> Hooks:
    made = Hooks(tmp_path_factory.mktemp("hooks"))
    made.add("path", "preset: freqtrade")
    made.add("beside", "preset: freqtrade", "secret_in: [basic, query]")
    made.add("other", "preset: freqtrade")
    made.add("over", "preset: freqtrade", over="2020-01-01T00:00:00Z")
    return made


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, hooks: Hooks) -> Iterator[RunningApp]:
    settings = {"WEBAPP_HOOKS_FILE": str(hooks.file), "WEBAPP_API_TOKENS": ENTRIES}
    with running(tmp_path_factory.mktemp("app"), **settings) as app:
        yield app


def test_only_the_hooks_own_secret_opens_it(app: RunningApp, hooks: Hooks) -> None:
    own = hooks.secrets
    assert app.client.post(hooks.path("path"), json=IGNORED).json() == {
        "hook": "path", "status": "ignored", "reason": "status",
    }  # fmt: skip
    wrong = [f"/hooks/path/{own['other']}", f"/hooks/nobody/{own['path']}", f"/hooks/beside/{own['beside']}",
             f"/hooks/over/{own['over']}", f"/hooks/path?token={own['path']}", "/hooks/path"]  # fmt: skip
    details = {problem(app.client.post(url, json=IGNORED), "unauthorized")["detail"] for url in wrong[:5]}
    assert details == {"there is no hook with this name and secret"}
    problem(app.client.post("/hooks/path", json=IGNORED), "unauthorized")
    for token in TOKENS.values():
        answer = app.client.post("/hooks/path", json=IGNORED, headers={"Authorization": f"Bearer {token}"})
        problem(answer, "unauthorized")


def test_a_secret_beside_the_path_where_the_hook_allows_it(app: RunningApp, hooks: Hooks) -> None:
    secret = hooks.secrets["beside"]
    for answer in (
        app.client.post("/hooks/beside", json=IGNORED, auth=("anybody", secret)),
        app.client.post(f"/hooks/beside?token={secret}", json=IGNORED),
    ):
        assert answer.json()["status"] == "ignored"
    for answer in (
        app.client.post("/hooks/beside", json=IGNORED, auth=("anybody", secret[:-1])),
        app.client.post("/hooks/beside", json=IGNORED, headers={"Authorization": "Basic ==x"}),
        app.client.post("/hooks/beside?" + "&".join(["token=x"] * 200), json=IGNORED),
    ):
        assert answer.status_code == 401


def test_a_hooks_secret_opens_nothing_else(app: RunningApp, hooks: Hooks) -> None:
    bearer = {"Authorization": f"Bearer {hooks.secrets['path']}"}
    for path in ("/trades", "/hooks", "/hooks/path/unread", "/metrics"):
        problem(app.client.get(path, headers=bearer), "unauthorized")
    problem(app.client.post("/trade", json={}, headers=bearer), "unauthorized")


def test_the_calls_for_people_need_their_scopes(app: RunningApp) -> None:
    headers = {name: {"Authorization": f"Bearer {token}"} for name, token in TOKENS.items()}
    listed = app.client.get("/hooks", headers=headers["read"]).json()["hooks"]
    assert listed[0] == {
        "name": "path",
        "preset": "freqtrade",
        "account": "default",
        "strategy": "default",
        "unread": 0,
        "waiting": 0,
    }
    nothing: dict[str, object] = {"messages": [], "next_after": None, "waiting": 0}
    assert app.client.get("/hooks/path/unread", headers=headers["read"]).json() == nothing
    problem(app.client.get("/hooks/nobody/unread", headers=headers["read"]), "not_found")
    kept = "/hooks/path/unread/0000000000000000-0000000000000000"
    for verb in ("take", "drop"):
        for name in ("read", "ingest"):
            problem(app.client.post(f"{kept}/{verb}", headers=headers[name]), "forbidden")
    problem(app.client.post(f"{kept}/take", headers=headers["correct"]), "not_found")


def test_guessing_is_slowed_and_right_secrets_are_not(tmp_path: Path, hooks: Hooks) -> None:
    with running(tmp_path, WEBAPP_HOOKS_FILE=str(hooks.file)) as app:
        for index in range(MAX_WRONG):
            problem(app.client.post(f"/hooks/path/guess{index}", json=IGNORED), "unauthorized")
        slowed = app.client.post("/hooks/path/guess", json=IGNORED)
        problem(slowed, "too_many_attempts")
        assert int(slowed.headers["retry-after"]) > 0
        assert app.client.post(hooks.path("path"), json=IGNORED).status_code == 200
        assert app.metric('trading_app_requests_refused_total{code="unauthorized"}') == MAX_WRONG


def test_an_app_without_tokens_takes_messages_under_any_host_name_and_nothing_else(
    tmp_path: Path, hooks: Hooks
) -> None:
    """A tunnel or a proxy hands the senders' requests over, under the name that they use."""
    foreign = {"Host": "desk.example"}
    with running(tmp_path, WEBAPP_HOOKS_FILE=str(hooks.file)) as app:
        assert app.client.post(hooks.path("path"), json=IGNORED, headers=foreign).status_code == 200
        for path in ("/trades", "/hooks", "/hooks/path/unread"):
            problem(app.client.get(path, headers=foreign), "foreign_host")


def test_no_secret_gets_into_a_log_or_a_metric(app: RunningApp, hooks: Hooks) -> None:
    secret = hooks.secrets["path"]
    for method, path in (("POST", ""), ("GET", ""), ("POST", "/x"), ("PUT", ""), ("GET", "?x=1")):
        app.client.request(method, hooks.path("path") + path, json=ENTRY)
    app.client.post(hooks.path("path"), content=b"x" * 100_000)
    app.client.post("/hooks/path", json=IGNORED, auth=("anybody", secret))
    headers = {"Authorization": f"Bearer {TOKENS['read']}"}
    assert secret not in app.log_text()
    assert secret not in app.client.get("/metrics", headers=headers).text
    for file in (path for path in app.data_folder.rglob("*") if path.is_file()):
        assert secret.encode() not in file.read_bytes()


def hook(file: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "WEBAPP_HOOKS_FILE": str(file), "WEBAPP_PUBLIC_URL": "https://desk.example"}
    return run_command("trading-app", "hook", *words, environment=environment)


def test_the_command_adds_hooks_and_rotates_their_secrets(tmp_path: Path) -> None:
    file = tmp_path / "webhooks.yml"
    file.write_text("# mine\nhooks:   # all of them\n")
    first = hook(file, "add", "bot", "--preset", "freqtrade", "--account", "main").stdout.strip()
    assert first.startswith("https://desk.example/hooks/bot/")
    assert len(first.rpartition("/")[2]) == 43
    assert first.rpartition("/")[2] not in file.read_text()
    assert "# mine" in file.read_text()
    assert "# all of them" in file.read_text()
    second = hook(file, "rotate", "bot").stdout.strip()
    assert second != first
    (made,) = read_file(file)
    new, old = made.secrets
    assert (made.account, new.until_ns) == ("main", None)
    assert old.until_ns is not None
    assert 6 < (old.until_ns - time.time_ns()) / 86_400e9 < 7
    assert hook(file, "rotate", "bot", "--overlap", "0").returncode == 0
    assert len(read_file(file)[0].secrets) == 1
    again = hook(file, "add", "bot", "--preset", "freqtrade")
    assert (again.returncode, again.stdout) == (2, "")
    assert "`trading-app hook rotate bot` makes another secret" in again.stderr


def test_the_path_of_kept_messages_allows_no_method_of_the_path_of_a_secret(app: RunningApp) -> None:
    headers = {"Authorization": f"Bearer {TOKENS['read']}"}
    answer = app.client.options("/hooks/path/unread", headers=headers)
    problem(answer, "method_not_allowed")
    assert answer.headers["allow"] == "GET, HEAD"
