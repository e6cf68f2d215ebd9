"""Reading a Postgres data directory's `postmaster.pid`: is a server running here, and is it ready?

Postgres itself takes any living process with the recorded number for a running server. After a reboot, or in a new
container, that number may belong to something else, and then the file is only in the way.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

SOCKET = ".s.PGSQL.5432"


class Postmaster(NamedTuple):
    """A running server. `status` is its own word: `starting`, `ready`, `stopping`."""

    pid: int
    socket_dir: Path
    status: str


def find(cluster: Path) -> Postmaster | None:
    """The server running on this data directory, or None; a stale file is removed on the way."""
    path = cluster / "postmaster.pid"
    recorded = _read(path)
    if recorded is None:
        return None
    if not _is_postgres(recorded.pid):
        path.unlink(missing_ok=True)
        # The socket's lock holds the same number, and Postgres takes even a zombie that nobody reaps for its owner.
        (recorded.socket_dir / f"{SOCKET}.lock").unlink(missing_ok=True)
        return None
    return recorded


def find_ready(cluster: Path, timeout_s: float) -> Postmaster | None:
    """The server running here, once it accepts connections: one that crashed may first have to recover.

    None when there is none, or it ended while we waited, or it takes longer than `timeout_s`.
    """
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        running = find(cluster)
        if running is None or (running.status == "ready" and _accepts(running.socket_dir)):
            return running
        time.sleep(0.05)
    return None


def _accepts(socket_dir: Path) -> bool:
    """A server that was killed a moment ago still has a file that says `ready`."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(socket_dir / SOCKET))
        except OSError:
            return False
    return True


def _read(path: Path) -> Postmaster | None:
    """The file has eight lines: pid, data directory, start time, port, socket directory, address, shared memory, status
    (src/include/utils/pidfile.h). A server that has only just begun has written fewer."""
    for _ in range(100):
        try:
            lines = path.read_text().splitlines()
        except FileNotFoundError:
            return None
        if len(lines) >= 8:
            return Postmaster(int(lines[0]), Path(lines[4]), lines[7].strip())
        if lines and not _is_postgres(abs(int(lines[0]))):
            return Postmaster(int(lines[0]), Path(), "")
        time.sleep(0.05)
    return None


def _is_postgres(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # alive, and another user's
    name = Path(f"/proc/{pid}/comm")
    if name.exists():
        return name.read_text().strip() == "postgres" and _state(pid) != "Z"
    if Path("/proc/self").exists():
        return False
    listing = subprocess.run(["ps", "-o", "comm=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return Path(listing.stdout.strip()).name == "postgres"


def _state(pid: int) -> str:
    """The process state's letter (proc(5)); a zombie has ended though its number is still taken."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return "Z"
