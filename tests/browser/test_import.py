"""The page that takes a trader's file, in a real browser: drop, preview, answers, taking, undo."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it has none
from playwright.sync_api import Browser, Page, expect

from tests.browser.desk import running, tab
from tests.support.apps import Apps
from tests.support.examples import SHARE
from tests.support.http import HTTP

pytestmark = pytest.mark.long

FIELD_CASES = Path(__file__).parents[1] / "field_cases/data"
ALL = sorted(FIELD_CASES.glob("[0-9]*"))


@pytest.fixture(scope="module")
def apps(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Apps]:
    """Apps of their own: what is imported here is in no other test's figures."""
    assert browser.is_connected()
    with running(tmp_path_factory.mktemp("import")) as apps:
        yield apps


@pytest.fixture
def page(browser: Browser, apps: Apps) -> Iterator[Page]:
    with tab(browser, viewport={"width": 1280, "height": 1000}) as page:
        page.goto(f"{apps.web_url}/import")
        yield page


def give(page: Page, name: str, content: bytes) -> None:
    """Choose a file, and wait for its preview."""
    page.locator("#file").set_input_files({"name": name, "mimeType": "application/octet-stream", "buffer": content})
    expect(page.locator("#preview-title")).to_have_text(name)
    expect(page.locator("#preview")).to_be_visible()


def drop(page: Page, name: str, content: str) -> None:
    """Drop a file onto the page, as from a desktop."""
    transfer = page.evaluate_handle(
        """([name, content]) => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([content], name));
            return transfer;
        }""",
        [name, content],
    )
    page.locator("#drop").dispatch_event("dragover", {"dataTransfer": transfer})
    expect(page.locator("#drop.over")).to_be_visible()
    page.locator("#drop").dispatch_event("drop", {"dataTransfer": transfer})
    expect(page.locator("#preview-title")).to_have_text(name)


def own_rows(account: str) -> str:
    header = "ts,symbol,side,qty,price,currency,account\n"
    bought = f"2026-01-05T10:00:00Z,SPY,buy,10,605.2699,USD,{account}\n"
    return header + bought + f"2026-01-06T10:00:00Z,SPY,sell,10,610,USD,{account}\n"


def imports(apps: Apps) -> list[dict[str, Any]]:
    answer: dict[str, Any] = HTTP.get(f"{apps.web_url}/imports").raise_for_status().json()
    found: list[dict[str, Any]] = answer["imports"]
    return found


def test_a_dropped_file_is_shown_taken_and_taken_back(apps: Apps, page: Page) -> None:
    drop(page, "spy.csv", own_rows("dropped"))
    expect(page.locator("#verdict")).to_have_text("New: 2 of 2 trades. Nothing is taken yet.")
    assert imports(apps) == []
    expect(page.locator("#file-positions tbody tr")).to_contain_text("SPY")
    expect(page.locator("#totals")).to_contain_text("47.301 USD")
    expect(page.locator("#first-fills tbody tr")).to_have_count(2)
    page.get_by_role("button", name="Take 2 new").click()
    expect(page.locator("#verdict")).to_have_text("Taken: 2 new trades.")
    row = page.locator("#imports tbody tr").first
    expect(row).to_contain_text("spy.csv")
    expect(row).to_contain_text("counts")
    row.get_by_role("button").click()
    row.get_by_role("button", name="Take back spy.csv").click()
    expect(row).to_contain_text("taken back")
    assert imports(apps)[0]["in_force"] is False


def test_the_same_file_again_has_nothing_new_and_after_an_undo_it_can_count_again(apps: Apps, page: Page) -> None:
    content = own_rows("again").encode()
    give(page, "again.csv", content)
    page.get_by_role("button", name="Take 2 new").click()
    expect(page.locator("#verdict")).to_contain_text("Taken: 2")
    give(page, "again.csv", content)
    expect(page.locator("#verdict")).to_have_text("Nothing new: the ledger has all of it.")
    expect(page.locator("#take")).to_be_hidden()
    [found] = [one for one in imports(apps) if one["name"] == "again.csv"]
    HTTP.post(f"{apps.web_url}/imports/{found['id']}/undo").raise_for_status()
    give(page, "again.csv", content)
    page.get_by_role("radio", name="count them again").check()
    page.locator("#again").click()
    page.get_by_role("button", name="Count 2 again").click()
    expect(page.locator("#verdict")).to_contain_text("2 count again")


def test_a_question_has_a_control_that_answers_it(page: Page) -> None:
    give(page, "zone.csv", b"ts,symbol,side,qty,price,account\n03/04/2026 10:00,SPY,buy,1,600.50,zone\n")
    expect(page.locator("#verdict")).to_contain_text("question")
    expect(page.locator("#take")).to_be_hidden()
    for _ in range(2):  # the order of the date, and the zone, in whichever order they are asked
        order = page.get_by_role("radio", name="day, month, year")
        if order.is_visible():
            order.check()
        zone = page.locator("#questions input[list=zones]")
        if zone.is_visible():
            zone.fill("Europe/Berlin")
        page.locator("#again").click()
        expect(page.locator("body[aria-busy]")).to_have_count(0)
    expect(page.locator("#take")).to_have_text("Take 1 new")
    expect(page.locator("#first-fills")).to_contain_text("2026-04-03T08:00:00Z")


def test_unknown_columns_are_mapped_by_hand(page: Page) -> None:
    content = (
        "Wann;Was;Kauf oder Verkauf;Stück;Kurs;Gebühr;Vorgang\n"
        "2026-01-05 10:00:00Z;DOGE-EUR;K;0,5DOGE;1,50;0,01;Handel\n"
        "2026-01-06 10:00:00Z;;;;;0,02;Zinsen\n2026-01-07 10:00:00Z;;;;;0,03;Porto\n"
    )
    give(page, "fremd.csv", content.encode())
    expect(page.locator("#sample")).to_contain_text("0,5DOGE")
    chosen = {
        "ts": "Wann",
        "symbol": "Was",
        "side": "Kauf oder Verkauf",
        "qty": "Stück",
        "price": "Kurs",
        "fee": "Gebühr",
        "kind": "Vorgang",
    }
    for field in ("side", "qty", "price", "fee"):
        expect(page.locator(f"#map-{field}")).to_have_value(chosen[field])  # guessed by its name
    for field, column in chosen.items():
        page.locator(f"#map-{field}").select_option(column)
    page.locator("#map-word-buy").fill("K")
    page.locator("#map-word-skip").fill("Zinsen, Porto")
    page.locator("#again").click()
    expect(page.locator("#take")).to_have_text("Take 1 new")
    expect(page.locator("#skipped-list")).to_contain_text("Vorgang is not a trade")
    shown = page.locator("#first-fills")
    for text in ("DOGE-EUR", "0.5", "1.50", "0.01", "2026-01-05T10:00:00Z"):
        expect(shown).to_contain_text(text)
    page.locator("#take").click()
    expect(page.locator("#verdict")).to_have_text("Taken: 1 new trade.")
    for done in ("#mapping", "#again", "#take"):
        expect(page.locator(done)).to_be_hidden()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("report.pdf", b"%PDF-1.7", "PDF"),
        ("empty.csv", b"", "empty"),
        ("bomb.xml", b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "DOCTYPE"),
        ("<img src=x onerror=alert(1)>.csv", b"a,b\n<script>alert(1)</script>,2\n", "no preset knows"),
    ],
)
def test_what_is_no_table_of_trades_is_named(page: Page, name: str, content: bytes, said: str) -> None:
    give(page, name, content)
    expect(page.locator("#preview")).to_contain_text(said)
    expect(page.locator("#take")).to_be_hidden()


ANSWERS: dict[str, dict[str, str]] = {
    "14-futures-point-value.csv": {},
    "17-mt5-report-lots.csv": {"timezone": "UTC"},
    "22-decimal-comma.csv": {"timezone": "America/Sao_Paulo"},
    "24-mac-line-ends.csv": {},
    "26-occ-symbols-and-text-marks.csv": {"timezone": "America/New_York"},
    "32-date-as-number.csv": {"timezone": "UTC"},
}
REFUSED = {"28-freqtrade-webhook-messages.json"}
UNLIKE = {
    "01-binance-spot-trade-history.csv",
    "06-ccxt-bybit-funding-row.json",
    "11-ids-mangled-by-excel.csv",
    "21-split.csv",
    "31-two-currencies.csv",
    "33-own-export-sent-back.ndjson",
    "40-spot-history-begins-in-the-middle.csv",
}
"""Those whose reports have other parts. With EXAMPLES=1 all are shown; tests/field_cases/test_imported_files.py imports
each in any case.
"""


@pytest.mark.parametrize(
    "name", sorted(ANSWERS.keys() | REFUSED | UNLIKE) if SHARE < 1 else [file.name for file in ALL]
)
def test_every_field_case_can_be_previewed_with_at_most_one_choice(page: Page, name: str) -> None:
    file = FIELD_CASES / name
    give(page, file.name, file.read_bytes())
    said = page.locator("#verdict")
    if file.name in REFUSED:
        return
    if "question" in said.inner_text().lower():
        page.locator("#options summary").click()
        for name, value in ANSWERS[file.name].items():
            page.locator(f"#more [name={name}]").fill(value)
        page.locator("#more button").click()
    expect(said).to_contain_text("Nothing is taken yet")
    expect(page.locator("#take")).to_be_visible()


@pytest.mark.parametrize(
    ("scheme", "width", "name"), [("light", 1280, "light"), ("dark", 1280, "dark"), ("light", 390, "phone")]
)
def test_the_page_fits_its_window(
    browser: Browser, apps: Apps, tmp_path: Path, scheme: Any, width: int, name: str
) -> None:
    with tab(browser, viewport={"width": width, "height": 900}, color_scheme=scheme) as page:
        page.goto(f"{apps.web_url}/import")
        give(page, "01.csv", (FIELD_CASES / "01-binance-spot-trade-history.csv").read_bytes())
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
        serious = [violation for violation in found if violation["impact"] in ("serious", "critical")]
        assert [(each["id"], [node["html"][:200] for node in each["nodes"]]) for each in serious] == []
        page.screenshot(path=tmp_path / f"{name}.png", full_page=True)


def test_on_a_phone_the_name_of_an_import_has_a_line_of_its_own(browser: Browser, apps: Apps) -> None:
    with tab(browser, viewport={"width": 360, "height": 900}) as page:
        page.goto(f"{apps.web_url}/import")
        give(page, "statement.csv", (FIELD_CASES / "01-binance-spot-trade-history.csv").read_bytes())
        page.locator("#take").click()
        name = page.locator("#imports tbody th").first
        expect(name).to_have_text("statement.csv")
        box = name.bounding_box()
        assert box is not None
        assert box["width"] > 4 * box["height"], "its letters stand below each other"
