import subprocess
import sys


def test_rich_is_not_imported_and_can_be_imported_afterwards() -> None:
    program = """
import sys
from service_kit.without_rich import import_without_rich
import_without_rich("structlog")
import_without_rich("structlog", "httpx")
print({"structlog", "httpx"} <= sys.modules.keys(), [name for name in sys.modules if name.startswith("rich")])
import rich.console
print(rich.console.__name__)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "True []\nrich.console\n"
