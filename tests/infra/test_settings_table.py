"""docs/infra.md lists what `.env.sample` lists, with the same defaults."""

import re

from dotenv import dotenv_values

from tests.infra.checkout import ROOT

SAMPLE = {key: value or "" for key, value in dotenv_values(ROOT / ".env.sample").items()}
ROW = re.compile(r"^\| `([A-Z_]+)` \| (.*?) \| (.*?) \| (.+?) \|$", re.MULTILINE)


def test_every_setting_has_its_default_unit_and_meaning_in_one_table() -> None:
    rows = ROW.findall((ROOT / "docs" / "infra.md").read_text())
    defaults = {name: default.strip("`").replace("(empty)", "") for name, default, _, _ in rows}
    assert len(defaults) == len(rows)
    assert list(defaults.items()) == list(SAMPLE.items())
    assert all(unit.strip() for _, _, unit, _ in rows)
