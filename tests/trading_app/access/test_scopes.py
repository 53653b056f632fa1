"""What each token may do, and how those are slowed who guess. Against the app as a process."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from service_kit.access.token_throttle import MAX_WRONG, WINDOW_SECONDS
from service_kit.access.tokens import entry_text, mint, read_scopes
from tests.trading_app.problem_documents import problem
from tests.trading_app.running import RunningApp, running

Make = Callable[..., dict[str, Any]]
TOKENS = {name: mint() for name in ("ingest", "read", "ingest+read", "admin")}
ENTRIES = [entry_text(token, read_scopes(name.split("+"))) for name, token in TOKENS.items()]


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture(scope="module")
def scoped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    """An app whose tokens are stored hashed."""
    with running(tmp_path_factory.mktemp("scoped"), WEBAPP_API_TOKENS=",".join(ENTRIES)) as app:
        yield app


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("POST", "/trade", "ingest"),
        ("POST", "/trades", "ingest"),
        ("GET", "/trades", "read"),
        ("GET", "/", "read"),
        ("GET", "/metrics", "read"),
        ("GET", "/docs", "read"),
        ("GET", "/openapi.json", "read"),
        ("GET", "/page/history?charted=BTC/USDT", "read"),
        ("GET", "/static/page.js", "read"),
        ("POST", "/nothing", "admin"),
    ],
)
def test_each_call_needs_its_scope(scoped: RunningApp, method: str, path: str, scope: str, trade: Make) -> None:
    one = trade()
    for name, token in TOKENS.items():
        body: dict[str, Any] = {"json": one if path == "/trade" else [one]} if method == "POST" else {}
        answer = scoped.client.request(method, path, headers=bearer(token), **body)
        if scope in name.split("+") or name == "admin":
            assert answer.status_code in (200, 201, 404)
        else:
            document = problem(answer, "forbidden")
            assert f"the scope {scope} is needed" in document["detail"]
            assert f'error="insufficient_scope", scope="{scope}"' in answer.headers["www-authenticate"]


def test_a_token_that_may_not_send_gets_the_same_answer_both_ways(scoped: RunningApp, trade: Make) -> None:
    plain = scoped.client.post("/trade", json=trade(), headers=bearer(TOKENS["read"]))
    form = scoped.client.post("/trade", data=trade(), headers=bearer(TOKENS["read"]))
    assert problem(plain, "forbidden")["detail"] == problem(form, "forbidden")["detail"]


def test_the_digest_of_a_token_is_no_token(scoped: RunningApp) -> None:
    digest = ENTRIES[3].rpartition(":")[2]
    for wrong in (digest, ENTRIES[3]):
        problem(scoped.client.get("/trades", headers=bearer(wrong)), "unauthorized")


def test_hashed_tokens_start_without_a_warning_and_plain_ones_with_a_single_one(
    scoped: RunningApp, tmp_path: Path
) -> None:
    assert "plain" not in scoped.log_text()
    with running(tmp_path, WEBAPP_API_TOKENS=f"secret-number-one,secret-number-two,{ENTRIES[0]}") as app:
        # On a busy machine another warning says that opening the journal takes long.
        [warning] = [line for line in app.log_lines() if line["level"] == "warning" and "setting" in line]
        assert (warning["setting"], warning["plain"]) == ("WEBAPP_API_TOKENS", 2)
        assert "trading-app token --existing" in warning["how"]
        assert "secret" not in app.log_text()


def test_a_bad_entry_is_refused_at_the_start_and_not_shown(tmp_path: Path) -> None:
    app = RunningApp(tmp_path, WEBAPP_API_TOKENS=f"a-good-plain-token, write:sha256:{'a' * 64}")
    try:
        assert app.wait() == 2
        assert "WEBAPP_API_TOKENS: entry 2 is not a token" in app.log_text()
        assert "aaaa" not in app.log_text()
    finally:
        app.end()


def test_an_old_token_that_is_sent_again_and_again_slows_nobody(scoped: RunningApp) -> None:
    for _ in range(3 * MAX_WRONG):
        problem(scoped.client.get("/metrics", headers=bearer("expired")), "unauthorized")
    assert "expired" not in scoped.log_text()
    assert len([line for line in scoped.log_lines() if line["event"] == "a token was refused"]) <= MAX_WRONG
    assert scoped.client.get("/metrics", headers=bearer(TOKENS["read"])).status_code == 200


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[RunningApp]:
    """An app that has seen no wrong token yet."""
    with running(tmp_path, WEBAPP_API_TOKENS=",".join(ENTRIES)) as app:
        yield app


def guess(app: RunningApp) -> None:
    """As many wrong tokens as an address has in a minute."""
    for number in range(MAX_WRONG):
        problem(app.client.get("/trades", headers=bearer(f"guess-{number}")), "unauthorized")


def test_a_right_strong_token_never_waits_for_the_guesses_of_others(guarded: RunningApp, trade: Make) -> None:
    """Nothing was right from this address before: as after a restart."""
    client = guarded.client
    guess(guarded)
    assert client.post("/trade", json=trade(), headers=bearer(TOKENS["ingest"])).status_code == 201
    assert client.post("/trades", json=[trade()], headers=bearer(TOKENS["admin"])).status_code == 201
    assert client.get("/trades", headers=bearer(TOKENS["read"])).status_code == 200
    assert client.post("/sign-in", data={"token": TOKENS["read"]}).status_code == 303
    problem(client.get("/trades", headers=bearer(TOKENS["ingest"])), "forbidden")
    for path in ("/trades", "/sign-in"):
        wrong = TOKENS["read"][:-1] + "~"
        answer = client.post(path, data={"token": wrong}, headers={} if path == "/sign-in" else bearer(wrong))
        problem(answer, "too_many_attempts")
        assert 0 < int(answer.headers["retry-after"]) <= WINDOW_SECONDS


def test_a_weak_token_says_nothing_to_who_guesses_and_goes_on_where_it_was_known(tmp_path: Path, trade: Make) -> None:
    plain, short = "a plain token of the desk", "short-and-hashed"
    with running(tmp_path, WEBAPP_API_TOKENS=f"{plain},{entry_text(short, frozenset({'read'}))}") as app:
        guess(app)
        wrong = app.client.get("/trades", headers=bearer("a plain token of the disk"))
        for right in (plain, short):
            answer = app.client.get("/trades", headers=bearer(right))
            problem(answer, "too_many_attempts")
            assert answer.status_code == wrong.status_code
            assert answer.json().keys() == wrong.json().keys()
    with running(tmp_path, WEBAPP_API_TOKENS=plain) as app:
        assert app.client.post("/trade", json=trade(), headers=bearer(plain)).status_code == 201
        guess(app)
        assert app.client.post("/trade", json=trade(), headers=bearer(plain)).status_code == 201
        assert app.client.get("/healthz").status_code == 200


def test_bytes_that_are_no_token_are_refused_as_any_other(guarded: RunningApp) -> None:
    for shown in (b"\xff\xfe", b".." * 4000, b"a.b.c", b","):
        headers = {b"Authorization": b"Bearer " + shown}
        problem(guarded.client.get("/trades", headers=headers), "unauthorized")
        problem(guarded.client.post("/trade", json={}, headers=headers), "unauthorized")


def test_both_ways_of_a_request_refuse_alike_before_the_body_is_read(scoped: RunningApp) -> None:
    body = b" " * 9_000_000
    for headers in ({"Content-Type": "application/json"}, {"Content-Type": "text/plain"}):
        try:
            answer = scoped.client.post("/trade", content=body, headers=headers)
        except httpx.WriteError:  # pragma: no cover -- the app may close before all is sent
            continue
        problem(answer, "unauthorized")
