"""Calls as they happen: watched, listened to and steered, from any replica."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import msgspec
import structlog

from parley.domain.agents import AgentSnapshot
from parley.domain.calls import ENDED
from parley.domain.errors import Conflict, TooManyRequests, Unauthorized, Unavailable
from parley.domain.live_events import CallState, LiveEvent, Steer, TakeOver, Transfer
from parley.domain.phone_numbers import normalise, require_dialable
from parley.domain.secrets import Secret
from parley.services.audience import Audience
from parley.services.defaults import Clock, utc_now
from parley.services.projects import Opened
from parley.services.watchers import Dropped, Sound, Watcher
from parley.storage import live_calls, projects
from parley.storage.database import Database
from parley.storage.presence import Command, Presence
from parley.storage.tables import CallRow, LiveTokenRow

log = structlog.get_logger()

HEARTBEAT_S = 15.0
_KEY_EVERY = timedelta(seconds=15)
TOKEN_LIFE = timedelta(seconds=60)
MOST_TOKENS = 200
MOST_CALLS = 500
"""A snapshot shows no more than the newest so many live calls."""
_PATIENCE_S = 0.5
_RETRY_AFTER_S = 10


@dataclass(frozen=True, slots=True)
class LiveCall:
    """A call with how it stands now. `state` is None where whoever holds it has not said so in time."""

    call: CallRow
    state: CallState | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All live calls that are watched, or the one. `is_cut`: there are more than are shown."""

    calls: Sequence[LiveCall]
    at: datetime
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Nothing happened for a while."""

    at: datetime


Shown = Snapshot | LiveEvent | Dropped | Sound | Heartbeat


class Holder(Protocol):
    """The live calls of this process."""

    def take(self, call_id: str, command: Command) -> bool:
        """Carry out a command about a call. False if it is not held here, or cannot do that now."""
        ...


class LiveView:
    """A foreign or unknown id is NotFound everywhere. Everything that is done to a call is logged with the key's id."""

    def __init__(
        self,
        database: Database,
        audience: Audience,
        holder: Holder,
        presence: Presence,
        clock: Clock = utc_now,
    ) -> None:
        self._database = database
        self._audience = audience
        self._holder = holder
        self._presence = presence
        self._clock = clock

    # ------------------------------------------------------------ tickets

    async def new_token(self, opened: Opened, call_id: str | None = None) -> tuple[Secret, datetime]:
        """A ticket for one stream, and until when it may be used. With `call_id` it opens that call alone.

        Raises NotFound, and TooManyRequests where 200 unused ones are held.
        """
        token, now = secrets.token_urlsafe(32), self._clock()
        async with self._database.transaction() as session:
            if call_id is not None:
                await live_calls.one(session, opened.project_id, call_id)
            await projects.get(session, opened.project_id, lock=True)
            if await live_calls.count_tokens(session, opened.project_id, now) >= MOST_TOKENS:
                raise TooManyRequests("This project holds 200 unused live tokens; use them.", _RETRY_AFTER_S)
            session.add(
                LiveTokenRow(
                    token_hash=_hash(token),
                    project_id=opened.project_id,
                    key_id=opened.key_id,
                    call_id=call_id,
                    expires_at=now + TOKEN_LIFE,
                )
            )
        return Secret(token), now + TOKEN_LIFE

    async def redeem(self, token: str, call_id: str | None) -> Opened:
        """What the ticket opens, if it opens this call (None: the project); once. Raises Unauthorized."""
        async with self._database.transaction() as session:
            row = await live_calls.use_token(session, _hash(token), self._clock())
        if row is None or row.call_id not in (None, call_id):
            raise Unauthorized("This live token is not valid for this stream, was used before, or is too old.")
        return Opened(row.project_id, row.key_id)

    async def require_key(self, opened: Opened) -> None:
        """For streams, which outlive the request that opened them. Raises Unauthorized once the key was revoked."""
        async with self._database.read() as session:
            if not await projects.is_key_valid(session, opened.key_id):
                raise Unauthorized("The API key of this stream is not valid any more.")

    # ------------------------------------------------------------ watching

    async def watch(self, opened: Opened, call_id: str | None = None) -> Watching:
        """Watch one call, or all of the project's, for as long as the key is valid. Raises NotFound, TooManyRequests
        and Draining."""
        if call_id is not None:
            await self._one(opened.project_id, call_id)
        watcher = self._audience.join(opened.project_id, call_id)
        shown = self._shown(watcher, opened)
        # A stream that nobody begins to read is never ended either, so it is begun here.
        first = await anext(shown, None)
        if first is None:
            raise Unavailable("The database does not answer now; try again in a moment.")
        return Watching(self._audience, watcher, first, shown)

    async def _shown(self, watcher: Watcher, opened: Opened) -> AsyncGenerator[Shown, None]:
        try:
            checked_at = self._clock()
            yield (snapshot := await self._snapshot(watcher))
            while not _is_over(watcher, snapshot):
                if self._clock() >= checked_at + _KEY_EVERY:
                    checked_at = self._clock()
                    await self.require_key(opened)
                told = await watcher.next(HEARTBEAT_S)
                if told is None and watcher.is_over:
                    return
                if told is None or isinstance(told, Dropped):
                    yield Heartbeat(self._clock()) if told is None else told
                    if told is not None or watcher.call_id is not None:  # whoever held the call may have been killed
                        snapshot = await self._snapshot(watcher)
                    if told is not None or _is_over(watcher, snapshot):
                        yield snapshot
                    continue
                yield told
                if isinstance(told, LiveEvent) and told.event == "call.ended" and watcher.call_id is not None:
                    return
        except (Unavailable, Unauthorized) as away:  # whoever watches comes back, and is told anew, or why not
            log.warning("live_view_broke_off", reason=away.code)
        finally:
            self._audience.leave(watcher)

    async def _snapshot(self, watcher: Watcher) -> Snapshot:
        project_id, call_id = watcher.project_id, watcher.call_id
        async with self._database.read() as session:
            if call_id is not None:
                rows = [await live_calls.one(session, project_id, call_id)]
            else:
                rows = await live_calls.unfinished(session, project_id, MOST_CALLS + 1)
        shown = rows[:MOST_CALLS]
        going_on = [row.id for row in shown if row.status not in ENDED]
        states = await self._audience.states(project_id, going_on, _PATIENCE_S)
        live = [LiveCall(row, states.get(row.id)) for row in shown]
        return Snapshot(live, self._clock(), is_cut=len(rows) > MOST_CALLS)

    def end_all(self) -> None:
        """The server is about to stop: whoever watches is let go soon. May be called in a signal handler."""
        self._audience.end_all()

    # ------------------------------------------------------------ steering

    async def steer(self, opened: Opened, call_id: str, command: Steer) -> CallRow:
        """Have it done wherever the call is held. Raises NotFound, and Conflict where nobody can do it now."""
        call = await self._one(opened.project_id, call_id)
        if call.status in ENDED:
            raise Conflict("This call is over.")
        if not await self.renew(call_id, command):
            raise Conflict(_cannot(command, call))
        log.info("call_steered", call_id=call_id, how=type(command).__name__, key_id=opened.key_id)
        return call

    async def renew(self, call_id: str, command: Steer) -> bool:
        """Say again what was allowed before: a supervisor is still there. False where nobody took it."""
        return self._holder.take(call_id, command) or await self._presence.tell(call_id, command)

    async def transfer(self, opened: Opened, call_id: str, to_number: str | None, say: str) -> CallRow:
        """Hand the caller over, by default to the agent's own `transferNumber`. Raises BadInput for a number that
        must not be dialled, and as `steer`."""
        call = await self._one(opened.project_id, call_id)
        number = to_number or msgspec.convert(call.snapshot, AgentSnapshot).transfer_number
        if not number:
            raise Conflict("The agent has no `transferNumber`; say with `toNumber` where the caller should go.")
        number = require_dialable(normalise(number, "toNumber"), "toNumber")
        return await self.steer(opened, call_id, Transfer(number, say))

    def speak(self, call_id: str, by: str, audio: bytes) -> None:
        """A supervisor who has taken the call over speaks (`SPOKEN_FORMAT`)."""
        self._audience.speak(call_id, by, audio)

    async def _one(self, project_id: str, call_id: str) -> CallRow:
        async with self._database.read() as session:
            return await live_calls.one(session, project_id, call_id)


class Watching:
    """A stream of what is shown; whoever opened it has to close it."""

    def __init__(self, audience: Audience, watcher: Watcher, first: Shown, rest: AsyncGenerator[Shown, None]) -> None:
        self._audience = audience
        self._watcher = watcher
        self._first: Shown | None = first
        self._rest = rest

    def __aiter__(self) -> Watching:
        return self

    async def __anext__(self) -> Shown:
        first, self._first = self._first, None
        return await anext(self._rest) if first is None else first

    @property
    def was_let_go(self) -> bool:
        """Whether it ends because the server does, so that another replica should be asked."""
        return self._watcher.is_over

    def listen(self, *, is_on: bool) -> None:
        """Hear the call too, or no more. Only a single call can be heard."""
        self._audience.listen(self._watcher, is_on=is_on)

    async def aclose(self) -> None:
        await self._rest.aclose()


def _is_over(watcher: Watcher, snapshot: Snapshot) -> bool:
    return watcher.call_id is not None and all(live.call.status in ENDED for live in snapshot.calls)


_ELSEWHERE = {
    "waiting": "The caller waits for an agent",
    "taking_message": "The caller is leaving a message",
    "announcing": "The caller hears an announcement",
    "forwarding": "The call was forwarded to a human",
}


def _cannot(command: Steer, call: CallRow) -> str:
    if call.stage is not None:
        return f"{_ELSEWHERE[call.stage['type']]}; only a call that an agent holds can be steered."
    if isinstance(command, TakeOver):
        return "Somebody else has taken this call over, or no agent holds it at this moment; look at its state."
    return "No agent holds this call at this moment, or it is being ended; look at its state."


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
