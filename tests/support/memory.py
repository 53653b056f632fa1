"""What a process has held in memory. Linux only."""

from pathlib import Path

MIB = 2**20


def max_resident_bytes(pid: int) -> int:
    """The most it has held so far."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024
