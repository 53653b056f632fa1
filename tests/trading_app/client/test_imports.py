import subprocess
import sys


def test_the_commands_can_be_named_without_what_only_they_need() -> None:
    """The server imports these modules for their arguments."""
    program = "import sys; from trading_app.client import demo, seed, send; print({'httpx', 'rich'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.strip() == b"set()"
