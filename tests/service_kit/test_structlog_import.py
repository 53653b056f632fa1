import subprocess
import sys


def test_structlog_is_imported_without_rich_which_can_be_imported_afterwards() -> None:
    program = """
import sys
from service_kit.structlog_import import import_structlog
import_structlog()
import_structlog()
print("structlog" in sys.modules, [name for name in sys.modules if name.startswith("rich")])
import rich.console
print(rich.console.__name__)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "True []\nrich.console\n"
