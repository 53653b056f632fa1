"""API tokens: how entries are read, what each may do, which token is shown."""

import hashlib
from pathlib import Path

import pytest

from service_kit.access.tokens import (
    EVERY_SCOPE,
    Tokens,
    bearer_token,
    digest_of,
    entry_text,
    mint,
    read_entries,
    read_entry,
    token_to_show,
)
from service_kit.settings import Environment, SettingError

FIRST, SECOND = "the-first-plain-token", "the-second-plain-token"
DIGEST = hashlib.sha256(b"right").hexdigest()


def environment(**values: str) -> Environment:
    return Environment(values, Path("/project"))


@pytest.mark.parametrize(
    ("entry", "scopes"),
    [
        (f"ingest:sha256:{DIGEST}", frozenset({"ingest"})),
        (f"read:sha256:{DIGEST}", frozenset({"read"})),
        (f"ingest+read:sha256:{DIGEST}", frozenset({"ingest", "read"})),
        (f"Read+INGEST:SHA256:{DIGEST.upper()}", {"ingest", "read"}),
        (f"admin:sha256:{DIGEST}", EVERY_SCOPE),
        (f"sha256:{DIGEST}", EVERY_SCOPE),
        ("right", EVERY_SCOPE),
    ],
)
def test_an_entry_says_what_its_token_may_do(entry: str, scopes: frozenset[str]) -> None:
    tokens = Tokens([entry])
    assert tokens.scopes_of(digest_of(b"right")) == scopes
    for wrong in (b"Right", b"righ", b"", DIGEST.encode(), entry.encode() + b" "):
        assert tokens.scopes_of(digest_of(wrong)) is None


@pytest.mark.parametrize("token", ["a:b", "https://x", "sha-256", DIGEST, "zweites-geheimnis-ü", "ingested:1"])
def test_a_plain_token_may_look_like_almost_anything(token: str) -> None:
    assert not read_entry(token).hashed
    assert Tokens([token]).scopes_of(digest_of(token.encode())) == EVERY_SCOPE


@pytest.mark.parametrize(
    "entry",
    [
        f"write:sha256:{DIGEST}",
        f"ingest+:sha256:{DIGEST}",
        f":sha256:{DIGEST}",
        f"ingest read:sha256:{DIGEST}",
        f"ingest:sha256:{DIGEST[:-1]}",
        f"ingest:sha256:{DIGEST[:-1]}g",
        f"ingest:sha256:{DIGEST}:more",
        f"x:ingest:sha256:{DIGEST}",
        f"ingest:{DIGEST}",
        f"ingest:md5:{DIGEST}",
        "ingest:secret",
        "sha256:secret",
        "sha256:",
    ],
)
def test_a_malformed_hashed_entry_is_refused_and_not_shown(entry: str) -> None:
    with pytest.raises(SettingError) as refused:
        read_entries(environment(KEY=f"a-good-plain-token, {entry}"), "KEY")
    assert str(refused.value).startswith("KEY: entry 2 is not a token: ")
    assert DIGEST[:8] not in str(refused.value)
    assert "secret" not in str(refused.value)


def test_several_tokens_are_valid_and_a_repeated_one_has_both_scopes() -> None:
    tokens = Tokens([f"ingest:sha256:{DIGEST}", "other", f"read:sha256:{DIGEST}"])
    assert tokens.scopes_of(digest_of(b"right")) == frozenset({"ingest", "read"})
    assert tokens.scopes_of(digest_of(b"other")) == EVERY_SCOPE
    assert tokens.plain == 1
    assert not Tokens([])


def test_a_made_token_is_new_each_time_and_fits_its_entry() -> None:
    token, scopes = mint(), frozenset({"read", "ingest"})
    assert token != mint()
    assert len(token) == 43
    entry = entry_text(token, scopes)
    assert entry.startswith("ingest+read:sha256:")
    assert token not in entry
    assert Tokens([entry]).scopes_of(digest_of(token.encode())) == scopes


@pytest.mark.parametrize(
    ("header", "token"),
    [(b"Bearer t", b"t"), (b"bearer  t ", b"t"), (b"Basic t", b""), (b"t", b""), (b"Bearer", b""), (b"", b"")],
)
def test_a_bearer_token_is_read_from_its_header(header: bytes, token: bytes) -> None:
    assert bearer_token(header) == token


@pytest.mark.parametrize(
    ("entries", "given", "shown"),
    [
        ("", "", ""),
        ("", "given", "given"),
        (f"{FIRST},{SECOND}", "", FIRST),
        (f"sha256:{DIGEST},{SECOND}", "", SECOND),
        (f"read:sha256:{DIGEST},{SECOND}", "right", "right"),
        (f"ingest:sha256:{DIGEST},{SECOND}", "right", SECOND),
        (FIRST, "of-the-other-app", FIRST),
    ],
)
def test_the_token_to_show_is_the_one_given_if_it_may_read_else_the_first_plain_one(
    entries: str, given: str, shown: str
) -> None:
    assert token_to_show(environment(KEY=entries, MONITORING_TOKEN=given), "KEY") == shown


@pytest.mark.parametrize("given", ["", "wrong"])
def test_without_a_token_to_show_the_start_is_refused(given: str) -> None:
    with pytest.raises(SettingError, match=r"^MONITORING_TOKEN: set a token that KEY accepts for read") as refused:
        token_to_show(environment(KEY=f"sha256:{DIGEST}", MONITORING_TOKEN=given), "KEY")
    assert "wrong" not in str(refused.value)


@pytest.mark.parametrize("token", ["x", "secret", "fifteen-letters"])
def test_a_short_plain_token_is_refused_with_the_command_that_makes_one(token: str) -> None:
    with pytest.raises(SettingError) as refused:
        read_entries(environment(KEY=f"a-good-plain-token,{token}"), "KEY")
    assert str(refused.value).startswith(f"KEY: entry 2 is a plain token of {len(token)} characters, at least 16")
    assert "trading-app token" in str(refused.value)
    assert token not in str(refused.value).split()
    hashed = entry_text(token, frozenset({"read"}))
    assert read_entries(environment(KEY=hashed), "KEY") == (hashed,), "a hash does not say how long the token is"


def test_an_entry_binds_a_token_to_accounts() -> None:
    token = mint()
    written = entry_text(token, frozenset({"ingest"}), ["Main", "desk-1"])
    assert written.startswith("ingest+account=Main+account=desk-1:sha256:")
    assert read_entry(written).accounts == frozenset({"Main", "desk-1"})
    assert read_entry(written.replace("ingest", "INGEST")).scopes == {"ingest"}
    assert read_entry(entry_text(token, frozenset({"ingest"}))).accounts is None
    for wrong in (written.replace("Main", ""), written.removeprefix("ingest+")):
        with pytest.raises(ValueError, match=r"account|scopes"):
            read_entry(wrong)


def test_a_token_of_two_entries_may_what_either_allows() -> None:
    token = mint()
    digest = digest_of(token.encode())
    main, desk, every = (entry_text(token, frozenset({"ingest"}), names) for names in (["main"], ["desk"], []))
    found = Tokens([main, desk]).find(digest)
    assert found is not None
    assert found.accounts == frozenset({"main", "desk"})
    unbound = Tokens([main, every]).find(digest)
    assert unbound is not None
    assert unbound.accounts is None
    reads = entry_text(token, frozenset({"read"}))
    for entries in ([main, reads], [reads, main]):
        both = Tokens(entries).find(digest)
        assert both is not None
        assert both.scopes == frozenset({"ingest", "read"})
        assert both.accounts == frozenset({"main"}), "a right to read is no right to send for every account"
