"""Which calls this process holds, and the only way to reach one."""

from __future__ import annotations

import asyncio

import structlog

from parley.conversation.facts import EndAsked, HungUp, SayAsked
from parley.domain.calls import CallPlan, EndReason
from parley.domain.errors import Draining, NotFound, ParleyError
from parley.domain.events import TurnDelivery
from parley.live.journals import Journals
from parley.live.metrics import Metrics
from parley.live.providers import Providers
from parley.live.scribe import CallRecords
from parley.live.session import Session
from parley.providers.protocols import LegEvents, MediaLeg
from parley.storage.presence import AskEnd, Command, HangUp, Presence, Release

log = structlog.get_logger()

_FAREWELL_S = 15.0


class Directory:
    """Starts sessions, finds them, tells other replicas of them, and lets them finish when the process has to stop.

    Every session is a task of the group that `run` holds; one that fails takes no other with it.
    """

    def __init__(
        self,
        providers: Providers,
        records: CallRecords,
        metrics: Metrics,
        journals: Journals,
        presence: Presence,
        *,
        ring_limit_s: float = 120.0,
    ) -> None:
        self.is_draining = False
        self._providers = providers
        self._records = records
        self._metrics = metrics
        self._journals = journals
        self._presence = presence
        self._ring_limit_s = ring_limit_s
        self._sessions: dict[str, Session] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._changed = asyncio.Event()

    async def run(self) -> None:
        """Be the parent of all sessions until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            try:
                await self._metrics.watch_loop()
            finally:
                self._tasks = None

    @property
    def live_count(self) -> int:
        return len(self._sessions)

    def held(self) -> list[str]:
        """The ids of the calls that have a session here."""
        return list(self._sessions)

    # ------------------------------------------------------------ sessions

    def prepare(self, plan: CallPlan) -> None:
        """Start a session whose sockets warm up while the phone rings; again for the same call does nothing.

        Raises Draining, and ProviderUnavailable when the agent names a provider this server does not know.
        """
        if plan.call_id in self._sessions:
            return
        if self.is_draining or self._tasks is None:
            raise Draining("This server is stopping and takes no new calls; try again in a moment.")
        self._providers.recogniser(plan), self._providers.voice(plan), self._providers.responder(plan)
        journal = self._journals.open(plan.call_id)
        session = Session(plan, self._providers, self._records, journal, self._metrics)
        self._sessions[plan.call_id] = session
        self._presence.announce(plan.call_id)
        self._tasks.create_task(self._hold(session))

    async def attach(self, call_id: str, leg: MediaLeg) -> LegEvents:
        """Join a phone's audio to the session of its call. Raises NotFound when the call is not held here any more."""
        session = self._sessions.get(call_id)
        if session is None or session.is_over:
            raise NotFound("This call is over.")
        side = await session.attach(leg)
        self._presence.claim(call_id)
        return side

    def holds(self, call_id: str) -> bool:
        session = self._sessions.get(call_id)
        return session is not None and not session.is_over

    def hang_up(self, call_id: str, reason: EndReason) -> bool:
        """The carrier says it is over. False if the call is not held here."""
        return self._tell(call_id, HungUp(reason))

    def ask_end(self, call_id: str, reason: EndReason) -> bool:
        """Somebody wants it to end. False if the call is not held here."""
        return self._tell(call_id, EndAsked(reason))

    def say(self, call_id: str, text: str) -> bool:
        """Let the agent say a line. False if the call is not held here."""
        return self._tell(call_id, SayAsked(text))

    def release(self, call_id: str) -> bool:
        """The phone is connected to another replica. False if the call is not held here."""
        session = self._sessions.get(call_id)
        if session is None or session.is_over:
            return False
        log.info("call_taken_over", call_id=call_id)
        session.release()
        return True

    def take(self, call_id: str, command: Command) -> bool:
        """What another replica was told about a call. False if the call is not held here."""
        if isinstance(command, HangUp):
            return self.hang_up(call_id, command.reason)
        if isinstance(command, AskEnd):
            return self.ask_end(call_id, command.reason)
        if isinstance(command, Release):
            return self.release(call_id)
        return False

    def note_delivery(self, plan: CallPlan, delivery: TurnDelivery) -> None:
        """A customer's webhook was asked for a turn; kept with its call, if that is still held here."""
        session = self._sessions.get(plan.call_id)
        if session is not None:
            session.note_delivery(delivery)

    def _tell(self, call_id: str, fact: HungUp | EndAsked | SayAsked) -> bool:
        session = self._sessions.get(call_id)
        if session is None or session.is_taken_over:
            return False
        session.post(fact)
        return True

    async def _hold(self, session: Session) -> None:
        call_id = session.plan.call_id
        self._metrics.began()
        try:
            await session.run(self._ring_limit_s)
        except Exception:  # The edge of one call: a bug in it must not end the calls beside it.
            log.exception("session_failed", call_id=call_id)
            await self._clean_up(session)
        finally:
            del self._sessions[call_id]
            self._presence.withdraw(call_id)
            self._changed.set()

    async def _clean_up(self, session: Session) -> None:
        self._metrics.ended("provider_failed")
        try:
            await session.abandon()
            await self._records.finished(session.plan.call_id, "provider_failed")
        except ParleyError as error:
            log.error("call_record_lost", call_id=session.plan.call_id, code=error.code)
        except Exception:  # Still the edge of one call: what broke the call may break its end too.
            log.exception("call_record_lost", call_id=session.plan.call_id)

    # ------------------------------------------------------------ stopping

    async def drain(self, timeout_s: float) -> None:
        """Take no new calls and wait for the live ones; those still talking after `timeout_s` are ended."""
        self.is_draining = True
        if not await self._until_empty(timeout_s):
            log.warning("drain_timed_out", live_calls=self.live_count)
            for call_id in list(self._sessions):
                self.ask_end(call_id, "server_shutdown")
            await self._until_empty(_FAREWELL_S)

    async def _until_empty(self, timeout_s: float) -> bool:
        try:
            async with asyncio.timeout(timeout_s):
                while self._sessions:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return False
        return True
