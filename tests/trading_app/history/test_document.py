"""docs/history-api.md: every example answers as it is written."""

import re
import subprocess
from pathlib import Path

from tests.trading_app.running import RunningApp

DOCUMENT = (Path(__file__).resolve().parents[3] / "docs" / "history-api.md").read_text()


def test_every_example_answers_as_the_document_says(app: RunningApp) -> None:
    commands = [
        part.partition("\n")
        for block in re.findall(r"```console\n(.*?)```", DOCUMENT, re.DOTALL)
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
    ]
    assert commands
    for command, _, shown in commands:
        here = command.replace("http://127.0.0.1:8000", app.url)
        run = subprocess.run(["bash", "-c", here], capture_output=True, text=True, check=False)
        assert run.stdout.strip() == shown.strip(), command
