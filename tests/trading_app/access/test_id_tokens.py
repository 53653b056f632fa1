"""ID tokens, of a provider with real keys over HTTP: which count, how its keys are kept, and the app as a process."""

import asyncio
import base64
import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from service_kit.clock import SYSTEM_CLOCK
from service_kit.settings import Environment, SettingError
from tests.support.clock import ManualClock
from tests.support.http import open_client
from tests.support.id_provider import AUDIENCE, USER, Provider, id_provider, jwk, make_key
from tests.support.polling import eventually
from tests.support.ports import free_port
from tests.trading_app.problem_documents import problem
from tests.trading_app.running import RunningApp, running
from trading_app.access.caller import Caller
from trading_app.access.id_provider import InvalidToken, NoKeys
from trading_app.access.id_tokens import CLAIMS, IdTokens
from trading_app.access.provider_keys import FRESH_SECONDS, KEPT_SECONDS, PAUSE_SECONDS, ProviderKeys
from trading_app.environment import Settings, read_settings

Make = Callable[..., dict[str, Any]]
Wrong = Callable[[Provider], str]


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def segment(document: object) -> str:
    return encoded(json.dumps(document).encode())


def encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def signed_with_the_public_key(provider: Provider) -> str:
    """The classic confusion: the public key, which everybody has, as the secret of an HMAC."""
    public = (
        provider.keys["first"]
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    head, body = segment({"alg": "HS256", "typ": "JWT", "kid": "first"}), segment(provider.claims())
    mac = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(f"{head}.{body}".encode(), public)
    return f"{head}.{body}.{encoded(mac)}"


def changed(provider: Provider) -> str:
    head, _, signature = provider.token().split(".")
    return f"{head}.{segment(provider.claims(sub='somebody else'))}.{signature}"


DEEP = b'{"alg":"RS256","kid":' + b"[" * 5000
WRONG: dict[str, tuple[Wrong, str]] = {
    "alg none": (lambda p: f"{segment({'alg': 'none', 'kid': 'first'})}.{segment(p.claims())}.", "RS256"),
    "HS256 with the public key": (signed_with_the_public_key, "RS256"),
    "PS256": (lambda p: jwt.encode(p.claims(), p.keys["first"], "PS256", {"kid": "first"}), "RS256"),
    "another issuer": (lambda p: p.token(iss="https://id.example/other"), "another issuer"),
    "another audience": (lambda p: p.token(aud="other"), "another audience"),
    "others in the audience": (lambda p: p.token(aud=[AUDIENCE, "other"]), "for other audiences too"),
    "expired": (lambda p: p.token(exp=int(time.time()) - 61), "expired"),
    "without end": (lambda p: p.token(exp=float("inf")), "can't be read"),
    "of tomorrow": (lambda p: p.token(iat=int(time.time()) + 86_400), "not valid yet"),
    "not before tomorrow": (lambda p: p.token(nbf=int(time.time()) + 86_400), "not valid yet"),
    "another key of that name": (lambda p: jwt.encode(p.claims(), make_key(), "RS256", {"kid": "first"}), "signature"),
    "a key nobody knows": (lambda p: jwt.encode(p.claims(), make_key(), "RS256", {"kid": "9"}), "does not have"),
    "no key named": (lambda p: jwt.encode(p.claims(), p.keys["first"], "RS256"), "does not name the key"),
    "changed claims": (changed, "signature"),
    "cut short": (lambda p: p.token()[:-2], "signature"),
    "another user": (lambda p: p.token(email="other@example.com"), "WEBAPP_OIDC_USERS"),
    "an address nobody verified": (lambda p: p.token(email_verified=False), "WEBAPP_OIDC_USERS"),
    "an address verified in words": (lambda p: p.token(email_verified="true"), "WEBAPP_OIDC_USERS"),
    "an address as the subject": (lambda p: p.token(email=None, sub=USER), "WEBAPP_OIDC_USERS"),
    "a deep header": (lambda p: f"{encoded(DEEP)}.{segment(p.claims())}.x", "can't be read"),
    "no JSON": (lambda _: "bm8.bm8.bm8", "can't be read"),
    "too long": (lambda p: p.token(more="x" * 9000), "too long"),
} | {
    f"no {claim}": (lambda p, claim=claim: p.token("first", **{claim: None}), "missing")
    for claim in CLAIMS
}  # fmt: skip


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with id_provider() as provider:
        yield provider


@pytest.fixture
def own_provider() -> Iterator[Provider]:
    """One that a test may change."""
    with id_provider() as provider:
        yield provider


API_TOKEN = "an-api-token-in-plain-text"


def settings(**values: str) -> Settings:
    return read_settings(Environment(values, Path("/project")))


def checker(provider: Provider, **others: str) -> IdTokens:
    known = settings(**provider.settings(**others)).id_provider
    assert known is not None
    return IdTokens(known, SYSTEM_CLOCK)


def check(tokens: IdTokens, token: str) -> Caller:
    return asyncio.run(tokens.check(token.encode(), token.encode())).caller


@pytest.mark.parametrize("name", WRONG)
def test_a_token_that_is_wrong_does_not_count(provider: Provider, name: str) -> None:
    make, reason = WRONG[name]
    token, tokens = make(provider), checker(provider)
    with pytest.raises(InvalidToken) as refused:
        check(tokens, token)
    assert reason in str(refused.value)
    assert not any(part and part in str(refused.value) for part in token.split("."))
    assert tokens.known(token.encode()) is None


@pytest.mark.parametrize("claims", [{}, {"exp": -30}, {"iat": 30}, {"nbf": 30}, {"aud": [AUDIENCE]}], ids=str)
def test_a_users_token_counts_and_a_clock_a_little_off_is_no_matter(provider: Provider, claims: dict[str, Any]) -> None:
    now = int(time.time())
    given = {name: now + value if isinstance(value, int) else value for name, value in claims.items()}
    tokens, token = checker(provider), provider.token("first", **given)
    caller = check(tokens, token)
    assert (caller.name, caller.scopes) == (USER, frozenset({"ingest", "read"}))
    known = tokens.known(token.encode())
    assert known is not None
    assert known.caller is caller
    assert known.known_until <= known.until


@pytest.mark.parametrize(
    ("users", "claims", "name"),
    [
        ("*", {"email": None}, "user-1"),
        ("*@Desk.example, user-2", {"email": "Anna@desk.EXAMPLE"}, "anna@desk.example"),
        ("*@Desk.example, user-2", {"sub": "user-2", "email": None}, "user-2"),
        ("user-2", {"sub": "user-2", "email": "a@x.example", "email_verified": False}, "user-2"),
        ("*@desk.example", {"email": "anna@desk.example.other"}, None),
        ("*@desk.example", {"email": "anna@other.example"}, None),
        ("User-1", {"email": None}, None),
        ("user-2", {"sub": ["user-2"]}, None),
    ],
)
def test_whose_tokens_count_is_a_setting(
    provider: Provider, users: str, claims: dict[str, Any], name: str | None
) -> None:
    tokens, token = checker(provider, WEBAPP_OIDC_USERS=users), provider.token(**claims)
    if name is None:
        with pytest.raises(InvalidToken):
            check(tokens, token)
    else:
        assert check(tokens, token).name == name


def test_keys_are_asked_for_when_they_are_needed_and_kept_for_a_while(own_provider: Provider) -> None:
    clock = ManualClock()
    keys = ProviderKeys(own_provider.url, clock)

    async def use() -> None:
        found = await asyncio.gather(*(keys.find("first") for _ in range(5)))
        assert all(found)
        assert own_provider.asked == 1  # once for all who wait
        own_provider.keys = {"second": make_key()}
        own_provider.tell()
        assert await keys.find("second") is None  # asked a moment ago
        clock.now += PAUSE_SECONDS
        assert await keys.find("second")
        assert await keys.find("first") is None  # withdrawn
        assert await keys.find("third") is None
        assert own_provider.asked == 2
        own_provider.status = 500
        clock.now += FRESH_SECONDS
        assert await keys.find("second")  # nobody answers: for a while, those of before count
        assert own_provider.asked == 3
        clock.now += KEPT_SECONDS - FRESH_SECONDS
        with pytest.raises(NoKeys, match="status 500"):
            await keys.find("second")
        own_provider.status = 200
        clock.now += PAUSE_SECONDS
        assert await keys.find("second")

    asyncio.run(use())


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"<html>", "malformed"),
        (b'{"keys":{}}', "Expected `array`"),
        (b'{"keys":[{"k":' + b"[" * 100_000, "recursion"),
        (b" " * 300_000, "more than 262144 bytes"),
        (b'{"keys":[]}', "no key for RS256"),
        (json.dumps({"keys": [jwk("small", make_key(1024))]}).encode(), "no key for RS256"),
        (json.dumps({"keys": [jwk("k", make_key(), use="enc"), jwk("k", make_key(), n="!")]}).encode(), "no key"),
    ],
)
def test_an_answer_without_usable_keys_is_none(own_provider: Provider, body: bytes, reason: str) -> None:
    own_provider.body = body
    with pytest.raises(NoKeys, match=reason):
        asyncio.run(ProviderKeys(own_provider.url, SYSTEM_CLOCK).find("k"))


def test_nobody_listening_and_a_redirect_give_no_keys(own_provider: Provider) -> None:
    own_provider.status = 302
    with pytest.raises(NoKeys, match="status 302"):
        asyncio.run(ProviderKeys(own_provider.url, SYSTEM_CLOCK).find("first"))
    with pytest.raises(NoKeys, match="connection attempts failed"):
        asyncio.run(ProviderKeys(f"http://127.0.0.1:{free_port()}/", SYSTEM_CLOCK).find("first"))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"WEBAPP_OIDC_AUDIENCE": ""}, "WEBAPP_OIDC_AUDIENCE is needed with WEBAPP_OIDC_ISSUER"),
        ({"WEBAPP_OIDC_USERS": ""}, "WEBAPP_OIDC_USERS is needed"),
        ({"WEBAPP_OIDC_JWKS_URL": "http://id.example/keys"}, "an https address is needed"),
        ({"WEBAPP_OIDC_JWKS_URL": "file:///etc/keys"}, "an https address is needed"),
        ({"WEBAPP_OIDC_JWKS_URL": "https://[/"}, "an https address is needed"),
        ({"WEBAPP_OIDC_SCOPES": "read,write"}, "scopes are ingest, correct, read, admin"),
        ({"WEBAPP_PUBLIC_URL": "https://desk.example/"}, "WEBAPP_PUBLIC_URL="),
    ],
)
def test_settings_that_would_not_do_are_refused(provider: Provider, changed: dict[str, str], message: str) -> None:
    with pytest.raises(SettingError, match=re.escape(message)):
        settings(**provider.settings() | changed)


def test_a_provider_is_a_credential_too(provider: Provider) -> None:
    assert settings(WEBAPP_HTTP_HOST="0.0.0.0", **provider.settings()).id_provider is not None


@pytest.fixture(scope="module")
def desk(provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    """An app on all interfaces that takes ID tokens, and an API token beside them."""
    settings = provider.settings(WEBAPP_API_TOKENS=API_TOKEN, WEBAPP_HTTP_HOST="0.0.0.0")
    with running(tmp_path_factory.mktemp("desk"), **settings) as app:
        yield app


def test_id_tokens_and_api_tokens_count_beside_each_other(desk: RunningApp, provider: Provider, trade: Make) -> None:
    token = bearer(provider.token())
    for _ in range(3):  # checked, then known
        assert desk.client.post("/trade", json=trade(), headers=token).status_code == 201
        assert desk.client.get("/trades", headers=token).status_code == 200
    assert desk.client.get("/trades", headers=bearer(API_TOKEN)).status_code == 200
    problem(desk.client.get("/trades"), "unauthorized")


@pytest.mark.parametrize("name", ["alg none", "HS256 with the public key", "another user"])
def test_the_app_refuses_a_wrong_one_either_way_and_logs_why(desk: RunningApp, provider: Provider, name: str) -> None:
    make, reason = WRONG[name]
    token = make(provider)
    document = problem(desk.client.get("/trades", headers=bearer(token)), "unauthorized")
    assert reason in document["detail"]
    problem(desk.client.post("/trade", json={}, headers=bearer(token)), "unauthorized")
    lines = [line for line in desk.log_lines() if line["event"] == "a token was refused"]
    assert document["detail"].endswith(lines[-1]["reason"])
    assert token not in desk.log_text()


def test_without_the_providers_keys_no_id_token_counts_and_api_tokens_do(tmp_path: Path, trade: Make) -> None:
    with (
        id_provider() as provider,
        running(tmp_path, **provider.settings(WEBAPP_API_TOKENS=API_TOKEN)) as app,
    ):
        provider.status = 500
        for token in (provider.token(), provider.token(sub="user-2")):
            answer = app.client.post("/trade", json=trade(), headers=bearer(token))
            assert "status 500" in problem(answer, "keys_unavailable")["detail"]
            assert int(answer.headers["retry-after"]) > 0
        assert provider.asked == 1
        assert app.client.post("/trade", json=trade(), headers=bearer(API_TOKEN)).status_code == 201
        [line] = eventually(lambda: [line for line in app.log_lines() if line["level"] == "error"])
        assert (line["event"], line["url"]) == ("can't fetch the ID provider's keys", provider.url)


def test_a_stream_ends_with_the_token_it_was_asked_with(desk: RunningApp, provider: Provider) -> None:
    def ended() -> list[tuple[str, list[str]]]:
        """A token and its stream's lines, where the stream began within the token's time, which ended it."""
        token = provider.short_token()
        with desk.client.stream("GET", "/trades/stream", headers=bearer(token)) as answer:
            lines = [line for line in answer.iter_lines() if line]
        return [(token, lines)] if answer.status_code == 200 and len(lines) > 2 else []

    [(token, lines)] = eventually(ended, what="a stream that began and ended")
    assert lines[:2] == ["retry: 1000", "event: position"]
    assert len(lines) == 3, "no trade came, and the stream ended"
    problem(desk.client.get("/trades", headers=bearer(token)), "unauthorized")
    assert "a request failed" not in desk.log_text()


def test_nothing_of_a_token_is_in_the_log(desk: RunningApp, provider: Provider) -> None:
    token = provider.token()
    desk.client.get("/trades", headers=bearer(token)).raise_for_status()
    with open_client(desk.url) as browser:
        assert browser.post("/sign-in", data={"token": token}).status_code == 303
        cookie = browser.cookies["trading_session"]
    eventually(lambda: "signed in" in desk.log_text())
    log = desk.log_text()
    assert not any(part in log for part in (*token.split("."), cookie))
    assert USER in log
