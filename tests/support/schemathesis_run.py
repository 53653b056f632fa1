"""Runs schemathesis against a web app: everything its OpenAPI document allows, and what it does not.

All of its checks but two: the calls have no resources that one caller could read or free for another
(`object_level_authorization`, `use_after_free`). Its stateful phase is left out for the same reason: no call's answer
is the address of another call.
"""

import os
import subprocess
from pathlib import Path

from tests.support.apps import BIN

ROOT = Path(__file__).resolve().parents[2]
CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
    "response_schema_conformance", "negative_data_rejection", "positive_data_acceptance", "missing_required_header",
    "unsupported_method", "allow_header_conformance", "ensure_resource_availability", "ignored_auth",
)  # fmt: skip


PHASES = "examples,coverage,fuzzing"


def ask_everything(url: str, examples: int, *options: str, token: str = "", phases: str = PHASES) -> str:
    """So many examples of each call; `options` go to `schemathesis run`. AssertionError, with its report, if one fails;
    else the report.
    """
    command = [f"{BIN}/schemathesis", "--config-file", f"{ROOT}/tests/support/schemathesis.toml", "run"]
    command += [f"{url}/openapi.json", "--no-color", "--checks", ",".join(CHECKS), "--max-examples", str(examples)]
    command += ["--phases", phases, *options]
    command += ["--header", f"Authorization: Bearer {token}"] if token else []
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), os.environ.get("PYTHONPATH", "")))}
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout
