"""A real Prometheus: the tests that need it, and what it answers."""

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.http import HTTP, open_client
from tests.support.polling import eventually
from tests.support.ports import free_port

needs_prometheus = pytest.mark.skipif(
    not (shutil.which("prometheus") and shutil.which("promtool")),
    reason="prometheus and promtool are not installed here (Debian's package prometheus has both)",
)


class Prometheus:
    """Asks a running one."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._client = open_client()

    def instant(self, query: str) -> list[dict[str, Any]]:
        """What a query gives now."""
        return list(self.ask("query", query=query)["result"])

    def range(self, query: str, start: float, end: float, step: float = 1.0) -> list[dict[str, Any]]:
        """What it gives from `start` to `end`, Unix seconds."""
        return list(self.ask("query_range", query=query, start=start, end=end, step=step)["result"])

    def label_values(self, label: str, series: str) -> list[str]:
        """A label's values in the series that match."""
        return list(self.ask(f"label/{label}/values", **{"match[]": series}))

    def ask(self, call: str, **parameters: str | float) -> Any:
        """The data of an answer; AssertionError for a refusal, such as that of a query it can't parse."""
        answer = self._client.get(f"{self.url}/api/v1/{call}", params=parameters).json()
        assert answer["status"] == "success", answer
        return answer["data"]

    def close(self) -> None:
        self._client.close()


@contextmanager
def running_prometheus(folder: Path, configuration: Mapping[str, object]) -> Iterator[Prometheus]:
    """A Prometheus of its own, with its files in that folder; ended afterwards."""
    file = folder / "prometheus.yml"
    file.write_text(json.dumps(configuration))  # JSON is YAML
    port = free_port()
    command = ["prometheus", f"--config.file={file}", f"--storage.tsdb.path={folder / 'tsdb'}"]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen([*command, f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log)
    asked = Prometheus(f"http://127.0.0.1:{port}")
    try:
        eventually(lambda: _is_ready(asked.url), what="Prometheus ready")
        yield asked
    finally:
        asked.close()
        process.terminate()
        process.wait()


def _is_ready(url: str) -> bool:
    try:
        return HTTP.get(f"{url}/-/ready").status_code == 200
    except httpx.TransportError:
        return False
