"""The front desk: what takes callers in, leads them on, and gives them their turns."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from parley.domain.calls import EndReason
from parley.domain.stages import StageEnd
from parley.domain.transfers import Told
from parley.domain.voicemails import TakenMessage
from parley.live.desk_records import Place
from parley.live.directory import Directory
from parley.providers.protocols import Carrier
from parley.services.accounts import CarrierAccounts
from parley.services.arrivals import Arrivals, Router
from parley.services.call_events import CallEvents
from parley.services.call_log import CallLog
from parley.services.calls import Calls
from parley.services.defaults import utc_now
from parley.services.desk import Desk
from parley.services.dialling import Dialling
from parley.services.dispatcher import Dispatcher
from parley.services.drafts import CallDrafts
from parley.services.hooks import Hooks
from parley.services.lanes import Lanes
from parley.services.limits import Limits
from parley.services.plans import Plans
from parley.services.queue_log import QueueLog
from parley.services.queue_runner import QueueRunner
from parley.services.stages import Stages
from parley.services.turns import Turns
from parley.services.voicemails import Voicemails
from parley.storage.database import Database
from parley.storage.presence import Presence
from parley.wiring.recording import Recording
from parley.wiring.telling import Telling


class Records:
    """What the live sessions of the front desk ask of the services."""

    def __init__(self, desk: Desk, voicemails: Voicemails) -> None:
        self._desk = desk
        self._voicemails = voicemails

    async def hand_on(self, call_id: str, end: StageEnd) -> bool:
        """Decide what comes next and write it down; False where nothing does."""
        return await self._desk.hand_on(call_id, end)

    async def transfer(self, call_id: str, to_number: str, whispers: Sequence[Told]) -> bool:
        """Hand the caller to a human; False where the agent keeps them."""
        return await self._desk.transfer(call_id, to_number, whispers)

    async def keep_message(self, call_id: str, message: TakenMessage) -> None:
        """Store a message and tell of it."""
        await self._voicemails.keep(call_id, message)

    async def has_come_again(self, call_id: str, within_s: float) -> bool:
        """Whether the call's phone came in with a stream so short a time ago."""
        return await self._desk.has_come_again(call_id, within_s)


class _Waiters:
    """The directory as those see it who give turns away."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def waiting(self) -> Collection[str]:
        return self._directory.waiting()

    def tell_place(self, call_id: str, position: int, wait_s: float | None) -> bool:
        return self._directory.tell_place(call_id, Place(position, wait_s))

    def hand_on(self, call_id: str) -> bool:
        return self._directory.hand_on(call_id)

    def ask_end(self, call_id: str, reason: EndReason) -> bool:
        return self._directory.ask_end(call_id, reason)

    @property
    def is_draining(self) -> bool:
        return self._directory.is_draining


@dataclass(frozen=True, slots=True)
class FrontDesk:
    """All of it that needs no live session. `records` is for those sessions; `opened` goes on with them."""

    database: Database
    log: CallLog
    queue_log: QueueLog
    plans: Plans
    limits: Limits
    drafts: CallDrafts
    turns: Turns
    stages: Stages
    desk: Desk
    arrivals: Arrivals
    records: Records

    def opened(
        self,
        directory: Directory,
        presence: Presence,
        accounts: CarrierAccounts,
        carriers: Mapping[str, Carrier],
        hooks: Hooks,
    ) -> tuple[Calls, QueueRunner]:
        """Joined with the live sessions of this process; the runner is told whenever a place may have become free."""
        dialling = Dialling(self.database, self.log, self.plans, directory, accounts, carriers, hooks)
        calls = Calls(
            self.database,
            self.log,
            self.plans,
            self.drafts,
            self.arrivals,
            self.desk,
            dialling,
            directory,
            presence,
        )
        dispatcher = Dispatcher(self.database, self.desk, self.turns, self.stages, self.queue_log, self.drafts)
        runner = QueueRunner(self.database, dispatcher, self.limits, _Waiters(directory), presence, dialling)
        self.queue_log.wake = runner.wake
        return calls, runner


def front_desk(
    database: Database,
    told: Telling,
    taped: Recording,
    accounts: CarrierAccounts,
    carriers: Mapping[str, Carrier],
    plans: Plans,
    limits: Limits,
    router: Router,
) -> FrontDesk:
    """Everything a call meets before, beside and after its conversation."""
    queue_log = QueueLog(told.announcements)
    turns, stages = Turns(limits), Stages(plans, taped.voicemails)
    lanes = Lanes(plans, turns, stages)
    desk = Desk(database, lanes, stages, queue_log)
    events = CallEvents(told.announcements, taped.recordings)
    return FrontDesk(
        database=database,
        log=CallLog(database, told.announcements, accounts, carriers, taped.recordings, queue_log),
        queue_log=queue_log,
        plans=plans,
        limits=limits,
        drafts=CallDrafts(plans, accounts, carriers, limits, utc_now),
        turns=turns,
        stages=stages,
        desk=desk,
        arrivals=Arrivals(router, plans, lanes, turns, stages, limits, events),
        records=Records(desk, taped.voicemails),
    )
