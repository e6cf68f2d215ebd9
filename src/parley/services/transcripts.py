"""What is said in a call, told while it is being said.

The rows are read from the database, so that any replica can tell of a call that another one holds.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from time import monotonic

import structlog

from parley.domain.calls import ENDED
from parley.domain.errors import Draining, NotFound, TooManyRequests, Unavailable
from parley.storage import calls
from parley.storage.database import Database
from parley.storage.tables import CallRow, TranscriptRow

log = structlog.get_logger()

POLL_S = 0.5
HEARTBEAT_S = 15.0
MOST_FOLLOWERS = 100
_RETRY_AFTER_S = 10


@dataclass(frozen=True, slots=True)
class Connected:
    """The first thing told, with the call as it was then."""

    call: CallRow


@dataclass(frozen=True, slots=True)
class TurnNews:
    """A row that is new or has changed. Whoever comes back with `place` is told what is new after it."""

    row: TranscriptRow
    place: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The call is over and everything was told."""

    call: CallRow


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Nothing happened for a while."""


News = Connected | TurnNews | Ended | Heartbeat


class _Follower:
    """Somebody who waits: woken when the call has changed, when a heartbeat is due, and when it is time to go."""

    def __init__(self, beat_at: float) -> None:
        self.wake = asyncio.Event()
        self.beat_at = beat_at


class _Watched:
    """A call that is followed, as it was read last. `mark` is what the database said of that state."""

    def __init__(self, project_id: str) -> None:
        self.project_id = project_id
        self.call: CallRow | None = None
        self.mark = ""
        self.is_gone = False
        self.followers: set[_Follower] = set()


class Transcripts:
    """Lets clients follow calls. `run` looks once in a while which of the followed calls have changed, all in one
    query: however many follow, the calls that are spoken on this server lose no time to it.

    `sleep` waits and `now_s` tells the time, both in seconds, so that a test can do without.
    """

    def __init__(
        self,
        database: Database,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        now_s: Callable[[], float] = monotonic,
        most_followers: int = MOST_FOLLOWERS,
    ) -> None:
        self._database = database
        self._sleep = sleep
        self._now_s = now_s
        self._most_followers = most_followers
        self._counts: Counter[str] = Counter()  # followers of each project
        self._watched: dict[str, _Watched] = {}
        self._is_ending = False

    # ------------------------------------------------------------ for who follows

    async def follow(self, project_id: str, call_id: str, after: str = "") -> AsyncGenerator[News, None]:
        """All rows so far, then each one as it appears or changes, until the call is over.

        `after` is the place of the last row told to somebody who comes back. Raises NotFound, TooManyRequests for more
        followers than a project may have at once, and Draining.
        """
        if self._is_ending:
            raise Draining("This server is stopping; follow the call at another replica.")
        if self._counts[project_id] >= self._most_followers:
            raise TooManyRequests(
                f"This project follows {self._most_followers} calls already; close one of those streams first.",
                _RETRY_AFTER_S,
            )
        news = self._news(project_id, call_id, after)
        # A stream that nobody begins to read is never ended either, so it is begun here, where it can still be refused.
        first = await anext(news)
        return _going_on(first, news)

    async def _news(self, project_id: str, call_id: str, after: str) -> AsyncGenerator[News, None]:
        with self._counted(project_id):
            call = await self._read(project_id, call_id)
            with self._following(project_id, call_id) as (watched, follower):
                yield Connected(call)
                told = _told_before(call.transcripts, after)
                while not watched.is_gone:
                    for news in _new_rows(call.transcripts, told):
                        yield news
                    if call.status in ENDED:
                        yield Ended(call)
                        return
                    if self._is_ending:
                        return
                    await follower.wake.wait()
                    follower.wake.clear()
                    if self._now_s() >= follower.beat_at:
                        follower.beat_at = self._now_s() + HEARTBEAT_S
                        yield Heartbeat()
                    call = watched.call or call

    @contextmanager
    def _counted(self, project_id: str) -> Iterator[None]:
        self._counts[project_id] += 1
        try:
            yield
        finally:
            self._counts[project_id] -= 1
            if not self._counts[project_id]:
                del self._counts[project_id]

    @contextmanager
    def _following(self, project_id: str, call_id: str) -> Iterator[tuple[_Watched, _Follower]]:
        """A call nobody else follows is read once more with the next look, so nothing falls between."""
        watched = self._watched.setdefault(call_id, _Watched(project_id))
        follower = _Follower(self._now_s() + HEARTBEAT_S)
        watched.followers.add(follower)
        try:
            yield watched, follower
        finally:
            watched.followers.discard(follower)
            if not watched.followers:
                self._watched.pop(call_id, None)

    # ------------------------------------------------------------ for the server

    async def run(self) -> None:
        """Look again and again; never returns."""
        while True:
            await self._sleep(POLL_S)
            if self._watched:
                await self._look()
            for watched in self._watched.values():
                for follower in watched.followers:
                    if self._is_ending or self._now_s() >= follower.beat_at:
                        follower.wake.set()

    def end_all(self) -> None:
        """The server is about to stop: whoever follows is let go within half a second, to ask another replica.

        May be called in a signal handler.
        """
        self._is_ending = True

    async def _look(self) -> None:
        """Read every followed call that has changed, once for all who follow it."""
        followed = dict(self._watched)
        try:
            async with self._database.read() as session:
                marks = await calls.marks(session, list(followed))
            for call_id, watched in followed.items():
                if marks.get(call_id) == watched.mark:
                    continue
                watched.is_gone = call_id not in marks
                if not watched.is_gone:
                    watched.call = await self._read(watched.project_id, call_id)
                    watched.mark = marks[call_id]
                for follower in watched.followers:
                    follower.wake.set()
        except (NotFound, Unavailable) as error:  # removed just now, or the database is away: the next look will tell
            log.warning("transcript_look_failed", reason=error.code)

    async def _read(self, project_id: str, call_id: str) -> CallRow:
        async with self._database.read() as session:
            return await calls.get(session, project_id, call_id)


async def _going_on(first: News, news: AsyncGenerator[News, None]) -> AsyncGenerator[News, None]:
    async with aclosing(news):
        yield first
        async for each in news:
            yield each


def _new_rows(rows: Sequence[TranscriptRow], told: dict[str, bytes]) -> Iterable[TurnNews]:
    """The rows that `told` (row id to content) does not know as they are; it learns them on the way."""
    for row in rows:
        content = _content(row)
        if told.get(row.id) != content:
            told[row.id] = content
            yield TurnNews(row, _place(rows, told))


def _place(rows: Sequence[TranscriptRow], told: Mapping[str, bytes]) -> str:
    """The last row told, and a digest of all that were: if one of them changes meanwhile, the place is not known."""
    known = [row.id for row in rows if row.id in told]
    return f"{known[-1]}.{_digest(told[row_id] for row_id in known)}"


def _told_before(rows: Sequence[TranscriptRow], place: str) -> dict[str, bytes]:
    """What somebody at `place` was told; nothing, so that all is told again, where it is not as it was then."""
    row_id, _, digest = place.partition(".")
    for index, row in enumerate(rows):
        if row.id == row_id:
            told = {each.id: _content(each) for each in rows[: index + 1]}
            return told if _digest(told.values()) == digest else {}
    return {}


def _content(row: TranscriptRow) -> bytes:
    shown = (row.caller, row.agent, row.was_cut, row.confidence, sorted(row.latencies.items()))
    return hashlib.blake2b(repr(shown).encode(), digest_size=8).digest()


def _digest(contents: Iterable[bytes]) -> str:
    return hashlib.blake2b(b"".join(contents), digest_size=8).hexdigest()
