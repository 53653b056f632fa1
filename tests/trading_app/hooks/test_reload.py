"""A changed file of webhooks, while the app serves."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.polling import eventually
from tests.trading_app.hooks.conftest import Hooks
from tests.trading_app.running import RunningApp, running
from trading_app.hooks.hook import make_secret
from trading_app.hooks.reload import HooksFile
from trading_app.yaml_nodes import FileError

IGNORED = {"type": "status", "status": "running"}
REFUSED = "trading_app_hooks_file_refused"


@pytest.fixture
def hooks(tmp_path: Path) -> Hooks:
    made = Hooks(tmp_path)
    made.add("first", "preset: freqtrade")
    return made


@pytest.fixture
def file(hooks: Hooks) -> HooksFile:
    found = HooksFile(hooks.file)
    assert [hook.name for hook in found.read()] == ["first"]
    return found


def _names(file: HooksFile) -> list[str] | None:
    """The hooks of a change, which is taken at the second check."""
    assert file.changes() is None
    found = file.changes()
    return None if found is None else [hook.name for hook in found]


def test_nothing_is_read_again_without_a_change(file: HooksFile) -> None:
    assert _names(file) is None


def test_a_change_is_taken_once_it_is_the_same_at_two_checks(file: HooksFile, hooks: Hooks) -> None:
    hooks.add("second", "preset: tradingview")
    assert file.changes() is None
    hooks.add("third", "preset: tradingview")
    assert _names(file) == ["first", "second", "third"]
    assert _names(file) is None


def test_a_file_behind_a_link_may_be_another_one(tmp_path: Path, hooks: Hooks) -> None:
    link, draft = tmp_path / "link.yml", tmp_path / "draft.yml"
    link.symlink_to(hooks.file)
    file = HooksFile(link)
    assert len(file.read()) == 1
    other = Hooks(tmp_path / "link.yml" / "..")
    other.file = tmp_path / "other.yml"
    other.add("other", "preset: freqtrade")
    draft.symlink_to(other.file)
    draft.replace(link)
    assert _names(file) == ["other"]


def _truncate(path: Path) -> None:
    os.truncate(path, 0)


def _cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 40)


def _put_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _put_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _link_to_itself(path: Path) -> None:
    path.unlink()
    path.symlink_to(path)


def _mistype(path: Path) -> None:
    path.write_text(path.read_text().replace("preset", "presett"))


def _nest(path: Path) -> None:
    path.write_text("hooks: " + "[" * 500)


def _write_bytes(path: Path) -> None:
    path.write_bytes(b"\xff\x00hooks")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        pytest.param(Path.unlink, "is missing or empty", id="missing"),
        pytest.param(_truncate, "is missing or empty", id="empty"),
        pytest.param(_cut, "webhooks.yml:4: is not YAML", id="cut"),
        pytest.param(_put_a_folder, "Is a directory", id="folder"),
        pytest.param(_put_a_pipe, "is a pipe", id="pipe"),
        pytest.param(_link_to_itself, "symbolic links", id="loop"),
        pytest.param(_mistype, "presett is not known; do you mean preset?", id="typing-error"),
        pytest.param(_nest, "is not YAML", id="nested"),
        pytest.param(_write_bytes, "is not UTF-8", id="bytes"),
    ],
)
def test_what_can_not_be_used_is_said_once_and_the_next_change_taken(
    file: HooksFile, hooks: Hooks, damage: Callable[[Path], object], said: str
) -> None:
    sound = hooks.file.read_text()
    damage(hooks.file)
    assert file.changes() is None
    with pytest.raises(FileError, match=said):
        file.changes()
    assert _names(file) is None
    draft = hooks.file.with_name("draft")
    draft.write_text(sound)
    if hooks.file.is_dir():
        hooks.file.rmdir()
    draft.replace(hooks.file)
    assert _names(file) == ["first"]


def test_a_changed_mapping_is_a_change(tmp_path: Path, hooks: Hooks) -> None:
    mapping = tmp_path / "mine.yml"
    rule = "version: 1\nnumbers: {decimal: '.'}\ntimes: {zone: UTC}\nfields: {trade_id: id, symbol: a, side: b, qty: c,"
    mapping.write_text(f"{rule} price: d, ts: e}}\n")
    hooks.add("mine", "preset: generic", "map: mine.yml")
    file = HooksFile(hooks.file)
    before = file.read()[1].mapping
    assert _names(file) == ["first", "mine"]  # read again, since the mapping was read before it was looked at
    mapping.write_text(f"{rule} price: dd, ts: e}}\n")
    assert file.changes() is None
    changed = file.changes()
    assert changed is not None
    assert changed[1].mapping != before
    mapping.write_text("feilds: {}\n")
    assert file.changes() is None
    with pytest.raises(FileError, match="do you mean fields"):
        file.changes()
    mapping.write_text(f"{rule} price: d, ts: e}}\n")
    assert _names(file) == ["first", "mine"]


@pytest.fixture
def app(tmp_path: Path, hooks: Hooks) -> Iterator[RunningApp]:
    with running(tmp_path, WEBAPP_HOOKS_FILE=str(hooks.file)) as app:
        yield app


def test_the_running_app_takes_changes_and_keeps_what_it_has_at_a_fault(app: RunningApp, hooks: Hooks) -> None:
    def status(path: str) -> int:
        return app.client.post(path, json=IGNORED).status_code

    early = hooks.path("first")
    assert status(early) == 200
    hooks.add("second", "preset: freqtrade")
    eventually(lambda: status(hooks.path("second")) == 200)
    assert status(early) == 200
    assert app.metric('trading_app_hook_messages_total{hook="first",outcome="ignored"}') == 2

    sound = hooks.file.read_text()
    hooks.file.write_text(sound.replace("freqtrade", "freqtrad"))
    eventually(lambda: app.metric(REFUSED) == 1)
    assert "do you mean freqtrade?" in app.log_text()
    assert status(early) == 200

    secret, entry = make_secret()
    draft = hooks.file.with_name("draft")
    draft.write_text(f"hooks:\n  - name: first\n    preset: freqtrade\n    secrets: [{entry}]\n")
    draft.replace(hooks.file)
    eventually(lambda: status(f"/hooks/first/{secret}") == 200)
    assert app.metric(REFUSED) == 0
    assert status(early) == status(hooks.path("second")) == 401
    assert [hook["name"] for hook in app.client.get("/hooks").json()["hooks"]] == ["first"]
    said = next(line for line in app.log_lines() if line.get("removed") == ["second"])
    assert said["changed"] == ["first"]
    assert secret not in app.log_text() + json.dumps(said)
