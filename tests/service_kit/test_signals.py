"""Signals at the very beginning and at the very end of a program."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from service_kit.lifecycle.serve import serve
from service_kit.lifecycle.signals import NUMBERS, EndSignals
from service_kit.settings import Environment
from tests.service_kit.small_program import Counting
from tests.support.ports import free_port


@pytest.mark.parametrize("number", NUMBERS)
def test_a_signal_between_the_end_of_the_event_loop_and_that_of_the_process_changes_nothing(number: int) -> None:
    signals = EndSignals()
    try:
        settings = {"COUNTING_HTTP_PORT": str(free_port()), "COUNTING_FAIL_AFTER": "1"}
        counting = Counting(Environment(settings, Path()))
        assert asyncio.run(serve(counting.address, counting.start, signals)) == 1
        signal.raise_signal(number)
    finally:
        signals.give_back()


LOADING = """
import signal, sys
from service_kit.lifecycle.signals import EndSignals
EndSignals()
try:
    signal.raise_signal(int(sys.argv[1]))
except BaseException as error:
    raise RuntimeError("while a library is imported") from error
"""


@pytest.mark.parametrize("number", NUMBERS)
def test_a_signal_while_a_library_is_imported_that_catches_everything_ends_the_process_with_0(number: int) -> None:
    ended = subprocess.run([sys.executable, "-c", LOADING, str(int(number))], capture_output=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, b"")
