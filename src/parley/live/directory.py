"""Which calls this process holds, and the only way to reach one."""

from __future__ import annotations

import asyncio

import structlog

from parley.conversation.desk.facts import MoveAsked, PlaceTold, TurnCame
from parley.conversation.facts import EndAsked, HungUp, SayAsked
from parley.domain.calls import CallPlan, EndReason
from parley.domain.errors import Draining, NotFound, ParleyError
from parley.domain.events import TurnDelivery
from parley.domain.live_events import LiveEvent, Steer
from parley.domain.stages import Forwarding
from parley.live.desk import DeskSession
from parley.live.desk_records import DeskRecords, NoDesk, Place
from parley.live.journals import Journals
from parley.live.line import Line, LineRecords
from parley.live.metrics import Metrics
from parley.live.opening import LineOpener
from parley.live.providers import Providers
from parley.live.scribe import CallRecords
from parley.live.stage import LiveStage
from parley.providers.protocols import LegEvents, MediaLeg
from parley.services.audience import Audience
from parley.services.elsewhere import Elsewhere
from parley.storage.presence import AskEnd, Command, HandOn, HangUp, Presence
from parley.storage.relay import NoRelay

log = structlog.get_logger()

_FAREWELL_S = 15.0
# Between two stages a carrier needs some tenths of a second to ask what comes next and to connect again.
_COME_BACK_S = 3.0


class Directory:
    """Starts sessions, finds them, tells other replicas of them, and lets them finish when the process has to stop.

    A call has one line here at a time: a session of its agent, or one of the front desk. Every session is a task of the
    group that `run` holds; one that fails takes no other with it.
    """

    def __init__(
        self,
        providers: Providers,
        records: CallRecords,
        metrics: Metrics,
        journals: Journals,
        presence: Presence,
        *,
        desk: DeskRecords | None = None,
        audience: Audience | None = None,
        ring_limit_s: float = 120.0,
    ) -> None:
        self.is_draining = False
        audience = audience or Audience(Elsewhere(NoRelay()))
        self._opener = LineOpener(providers, LineRecords(records, desk or NoDesk()), metrics, journals, audience)
        self._records = records
        self._metrics = metrics
        self._presence = presence
        self._ring_limit_s = ring_limit_s
        self._lines: dict[str, Line] = {}
        audience.open(LiveStage(self._lines))
        # Calls that were handed on from here while draining: they may come back. None once nobody may.
        self._handed_on: set[str] | None = set()
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
        return len(self._lines)

    def held(self) -> list[str]:
        """The ids of the calls that have a session here."""
        return list(self._lines)

    def waiting(self) -> list[str]:
        """The ids of the calls whose callers wait here for their turn."""
        return [line.plan.call_id for line in self._waiting_lines()]

    def _waiting_lines(self) -> list[DeskSession]:
        return [line for line in self._lines.values() if isinstance(line, DeskSession) and line.is_waiting]

    # ------------------------------------------------------------ sessions

    def prepare(self, plan: CallPlan) -> None:
        """Start a session whose sockets warm up while the phone rings; again for the same stage does nothing.

        A call that comes for its next stage gets a new session, whatever the one before it still writes. Raises
        Draining, and ProviderUnavailable when the agent names a provider this server does not know.
        """
        if isinstance(plan.stage, Forwarding):  # a human's phone rings, and no audio comes here
            return
        call_id, old = plan.call_id, self._lines.get(plan.call_id)
        if old is not None and not old.has_left and (old.is_over or old.plan.stage == plan.stage):
            return
        if self._tasks is None or (self.is_draining and not self._may_come_back(call_id)):
            raise Draining("This server is stopping and takes no new calls; try again in a moment.")
        line = self._opener.open(plan)
        if old is not None and not old.has_left:  # its stage ended while its stream was broken
            old.release()
        self._lines[call_id] = line
        if self._handed_on:
            self._handed_on.discard(call_id)
            self._changed.set()
        self._presence.announce(call_id)
        self._tasks.create_task(self._hold(line))

    def _may_come_back(self, call_id: str) -> bool:
        return self._handed_on is not None and (call_id in self._lines or call_id in self._handed_on)

    async def attach(self, call_id: str, leg: MediaLeg) -> LegEvents:
        """Join a phone's audio to the session of its call. Raises NotFound when the call is not held here any more."""
        session = self._lines.get(call_id)
        if session is None or session.is_over:
            raise NotFound("This call is over.")
        side = await session.attach(leg)
        self._presence.claim(call_id)
        return side

    def holds(self, call_id: str) -> bool:
        session = self._lines.get(call_id)
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

    def tell_watchers(self, event: LiveEvent) -> None:
        """Tell whoever watches of something in a call that no session holds."""
        self._opener.audience.tell(event)

    def release(self, call_id: str) -> bool:
        """The phone is connected to another replica. False if the call is not held here."""
        session = self._lines.get(call_id)
        if session is None or session.is_over:
            return False
        log.info("call_taken_over", call_id=call_id)
        session.release()
        return True

    def tell_place(self, call_id: str, place: Place) -> bool:
        """Tell a waiting caller where they stand. False if they do not wait here."""
        return self._tell_waiting(call_id, PlaceTold(place.position, place.wait_s))

    def hand_on(self, call_id: str) -> bool:
        """A waiting caller's next stage is written: let the carrier ask for it. False if they do not wait here."""
        return self._tell_waiting(call_id, TurnCame())

    def _tell_waiting(self, call_id: str, fact: PlaceTold | TurnCame) -> bool:
        line = self._lines.get(call_id)
        if line is None or not isinstance(line, DeskSession) or not line.is_waiting:
            return False
        line.post(fact)
        return True

    def take(self, call_id: str, command: Command) -> bool:
        """What somebody was told about a call. False if it is not held here, or cannot do that now."""
        if isinstance(command, HangUp):
            return self.hang_up(call_id, command.reason)
        if isinstance(command, AskEnd):
            return self.ask_end(call_id, command.reason)
        if isinstance(command, Steer):
            line = self._lines.get(call_id)
            return line is not None and not line.has_left and line.supervision.steer(command)
        if isinstance(command, HandOn):
            return self.hand_on(call_id)
        return self.release(call_id)

    def note_delivery(self, plan: CallPlan, delivery: TurnDelivery) -> None:
        """A customer's webhook was asked for a turn; kept with its call, if that is still held here."""
        session = self._lines.get(plan.call_id)
        if session is not None:
            session.note_delivery(delivery)

    def _tell(self, call_id: str, fact: HungUp | EndAsked | SayAsked) -> bool:
        session = self._lines.get(call_id)
        if session is None or session.has_left:
            return False
        session.post(fact)
        return True

    async def _hold(self, line: Line) -> None:
        call_id = line.plan.call_id
        self._metrics.began()
        try:
            await line.run(self._ring_limit_s)
        except Exception:  # The edge of one call: a bug in it must not end the calls beside it.
            log.exception("session_failed", call_id=call_id)
            await self._clean_up(line)
        finally:
            if self._lines.get(call_id) is line:  # else it goes on here, with another session
                del self._lines[call_id]
                self._presence.withdraw(call_id)
                if self.is_draining and self._handed_on is not None and line.has_left:
                    self._handed_on.add(call_id)
            self._changed.set()

    async def _clean_up(self, line: Line) -> None:
        self._metrics.ended("provider_failed")
        try:
            if not await line.abandon():
                await self._records.finished(line.plan.call_id, "provider_failed")
        except ParleyError as error:
            log.error("call_record_lost", call_id=line.plan.call_id, code=error.code)
        except Exception:  # Still the edge of one call: what broke the call may break its end too.
            log.exception("call_record_lost", call_id=line.plan.call_id)

    # ------------------------------------------------------------ stopping

    async def drain(self, timeout_s: float) -> None:
        """Take no new calls and wait for the live ones; those still talking after `timeout_s` are ended.

        Waiting callers are moved to where the carrier finds another replica; where there is none they come back, and
        wait on here. After `timeout_s` they are moved once more instead of ended, and taken back no more.
        """
        self.is_draining = True
        self._move_waiting()
        if not await self._until_empty(timeout_s):
            log.warning("drain_timed_out", live_calls=self.live_count)
            self._handed_on = None
            self._move_waiting()
            for call_id in set(self._lines).difference(self.waiting()):
                self.ask_end(call_id, "server_shutdown")
            await self._until_empty(_FAREWELL_S)

    def _move_waiting(self) -> None:
        for line in self._waiting_lines():
            line.post(MoveAsked())

    async def _comes_back(self) -> bool:
        """Whether one of the calls that were handed on from here is back. Whoever is not soon is elsewhere."""
        if self._handed_on:
            self._changed.clear()
            try:
                async with asyncio.timeout(_COME_BACK_S):
                    await self._changed.wait()
            except TimeoutError:
                self._handed_on.clear()
        return bool(self._lines)

    async def _until_empty(self, timeout_s: float) -> bool:
        try:
            async with asyncio.timeout(timeout_s):
                while self._lines or await self._comes_back():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return False
        return True
