"""All services over a real database, with a carrier, a switchboard and a receiver that record what they were asked."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from obstore.store import MemoryStore

from parley.domain.agents import ModelChoice, VoiceChoice
from parley.domain.calls import CallPlan, EndReason
from parley.domain.carriers import AvailableNumber, CallHooks, CarrierAccount, CarrierNumber, NumberHooks, NumberSetup
from parley.domain.errors import CarrierRefused, Draining, ParleyError, ProviderError
from parley.domain.events import TurnDelivery
from parley.domain.health import KeyState
from parley.domain.ids import new_id
from parley.domain.limits import Allowance
from parley.domain.live_events import LiveEvent
from parley.domain.secrets import Secret
from parley.domain.stages import Waiting
from parley.domain.webhooks import SendResult
from parley.providers.protocols import (
    NOT_OWNED,
    Carrier,
    IncomingMessage,
    ReplyPart,
    Responder,
    RingingCall,
    TextPart,
    TurnRequest,
)
from parley.schemas.agents import AgentCreate
from parley.schemas.numbers import NumberBuy
from parley.services.accounts import CarrierAccounts
from parley.services.agents import Agents
from parley.services.announcements import Announcements
from parley.services.arrivals import Arrivals
from parley.services.call_events import CallEvents
from parley.services.call_log import CallLog
from parley.services.calls import Calls
from parley.services.conversations import Conversations
from parley.services.credentials import Credentials
from parley.services.defaults import Defaults
from parley.services.deliveries import Deliveries
from parley.services.delivery_worker import DeliveryWorker
from parley.services.desk import Desk
from parley.services.destinations import Destinations
from parley.services.dialling import Dialling
from parley.services.dispatcher import Dispatcher
from parley.services.drafts import CallDrafts
from parley.services.hooks import Hooks
from parley.services.lanes import Lanes
from parley.services.limits import Limits
from parley.services.messages import Messages
from parley.services.numbers import Numbers
from parley.services.plans import Plans
from parley.services.projects import Projects
from parley.services.queue_log import QueueLog
from parley.services.queue_runner import QueueRunner
from parley.services.recording_links import RecordingLinks
from parley.services.recordings import Recordings
from parley.services.router import Router
from parley.services.stages import Stages
from parley.services.subscriptions import Subscriptions
from parley.services.turns import Turns
from parley.services.voicemail_intake import VoicemailIntake
from parley.services.voicemails import Voicemails
from parley.services.webhook_tests import WebhookTests
from parley.services.webhooks import Webhooks
from parley.storage.cipher import Cipher
from parley.storage.database import Database
from parley.storage.message_spool import MessageSpool
from parley.storage.presence import Alone, Command
from parley.storage.recordings import RecordingStore
from parley.storage.tables import AgentRow, NumberRow

CARRIER = "acme"
OPERATOR = CarrierAccount("AC-operator", Secret("operator-token"))


class Wristwatch:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


async def _nothing(_: str) -> None:
    """Nothing happens meanwhile."""


class RecordingCarrier:
    """Sells numbers from a list and places every call, unless `refusal` is set."""

    account_form = "[A-Za-z0-9-]{1,40}"

    def __init__(self) -> None:
        self.stock = ["+14155550001", "+14155550002", "+14155550003"]
        self.taken: set[str] = set()
        self.unowned: set[str] = set()
        self.setups: dict[str, NumberSetup] = {}
        self.key_state: KeyState = "ok"
        self.refusal: ParleyError | None = None
        self.asked: list[tuple[Any, ...]] = []
        self.while_dialling: Callable[[str], Awaitable[None]] = _nothing
        self.while_buying: Callable[[], Awaitable[object]] | None = None
        self.while_sending: Callable[[str], Awaitable[None]] = _nothing

    async def search(
        self, account: CarrierAccount, country: str, *, area_code: str = "", contains: str = "", limit: int = 10
    ) -> Sequence[AvailableNumber]:
        self._note("search", account, country, area_code)
        fitting = [number for number in self.stock if number[2:].startswith(area_code)]
        return [AvailableNumber(number, country) for number in fitting[:limit]]

    async def buy(self, account: CarrierAccount, phone_number: str, hooks: NumberHooks) -> CarrierNumber:
        self._note("buy", account, phone_number, hooks)
        if self.while_buying is not None:
            await self.while_buying()
        if phone_number in self.taken:
            raise CarrierRefused(CARRIER, "It was sold a moment ago.", retryable=False)
        self.stock.remove(phone_number)
        self._point(phone_number, hooks)
        return CarrierNumber(phone_number, f"PN{phone_number[1:]}")

    async def adopt(self, account: CarrierAccount, phone_number: str, hooks: NumberHooks) -> CarrierNumber:
        self._note("adopt", account, phone_number, hooks)
        if phone_number in self.unowned:
            raise CarrierRefused(CARRIER, "The account does not own it.", retryable=False, reason=NOT_OWNED)
        self._point(phone_number, hooks)
        return CarrierNumber(phone_number, f"PN{phone_number[1:]}")

    def _point(self, phone_number: str, hooks: NumberHooks) -> None:
        self.setups[phone_number] = NumberSetup(hooks.voice_url, hooks.status_url, hooks.message_url)

    async def check(self, account: CarrierAccount) -> KeyState:
        self.asked.append(("check", account))
        return self.key_state

    async def inspect(self, account: CarrierAccount, phone_number: str) -> NumberSetup | None:
        self._note("inspect", account, phone_number)
        return self.setups.get(phone_number)

    async def release(self, account: CarrierAccount, carrier_id: str) -> None:
        self._note("release", account, carrier_id)

    async def dial(self, account: CarrierAccount, from_number: str, to_number: str, hooks: CallHooks) -> str:
        self._note("dial", account, from_number, to_number, hooks)
        named = f"CA{len(self.asked):04d}"
        await self.while_dialling(named)
        return named

    async def end(self, account: CarrierAccount, carrier_call_id: str) -> None:
        self._note("end", account, carrier_call_id)

    async def send_message(
        self,
        account: CarrierAccount,
        from_number: str,
        to_number: str,
        body: str,
        media_urls: Sequence[str],
        status_url: str,
    ) -> str:
        self._note("send", account, from_number, to_number, body, tuple(media_urls), status_url)
        named = f"SM{len(self.asked):04d}"
        await self.while_sending(named)
        return named

    def _note(self, *what: Any) -> None:
        self.asked.append(what)
        if self.refusal is not None:
            raise self.refusal


class RecordingSwitchboard:
    """Holds whatever it was asked to prepare; whoever came in to wait waits here until handed on.

    `refusal` is what keeps agents, and them alone, from being prepared.
    """

    def __init__(self) -> None:
        self.held: dict[str, CallPlan] = {}
        self.ended: list[tuple[str, str, EndReason]] = []
        self.handed_on: list[str] = []
        self.watchers_told: list[LiveEvent] = []
        self.tell_watchers = self.watchers_told.append
        self.places: dict[str, tuple[int, float | None]] = {}
        self.refusal: ProviderError | None = None
        self.is_draining: bool = False

    def prepare(self, plan: CallPlan) -> None:
        if self.is_draining:
            raise Draining("This server is shutting down.")
        if self.refusal is not None and plan.stage is None:
            raise self.refusal
        self.held.setdefault(plan.call_id, plan)

    def holds(self, call_id: str) -> bool:
        return call_id in self.held

    def hang_up(self, call_id: str, reason: EndReason) -> bool:
        self.ended.append(("hang_up", call_id, reason))
        return call_id in self.held

    def ask_end(self, call_id: str, reason: EndReason) -> bool:
        self.ended.append(("ask_end", call_id, reason))
        return call_id in self.held

    def waiting(self) -> list[str]:
        return [call_id for call_id, plan in self.held.items() if isinstance(plan.stage, Waiting)]

    def tell_place(self, call_id: str, position: int, wait_s: float | None) -> bool:
        self.places[call_id] = (position, wait_s)
        return call_id in self.held

    def hand_on(self, call_id: str) -> bool:
        self.handed_on.append(call_id)
        return self.held.pop(call_id, None) is not None

    @property
    def live_count(self) -> int:
        return len(self.held)


class RecordingPresence(Alone):
    """Another replica that holds the calls in `held`."""

    def __init__(self) -> None:
        self.held: set[str] = set()
        self.told: list[tuple[str, Command]] = []

    async def tell(self, call_id: str, command: Command) -> bool:
        self.told.append((call_id, command))
        return call_id in self.held

    async def is_held_elsewhere(self, call_id: str) -> bool:
        return call_id in self.held


class RecordingSender:
    """Answers with what `answer` says; by default everything is delivered."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, str], bytes]] = []
        self.answer: Callable[[str], SendResult] = lambda url: SendResult(status=204)

    async def send(self, url: str, headers: Mapping[str, str], body: bytes, timeout_s: float) -> SendResult:
        self.sent.append((url, dict(headers), body))
        return self.answer(url)


class ScriptedWebhook:
    """A customer's webhook that answers each voice turn with `parts`, or fails with `failure` after them."""

    def __init__(self) -> None:
        self.parts: list[ReplyPart] = [TextPart("Very well.")]
        self.failure: ProviderError | None = None
        self.asked: list[TurnRequest] = []
        self._note: Callable[[CallPlan, TurnDelivery], None] = lambda plan, delivery: None

    def to_ask(self, note: Callable[[CallPlan, TurnDelivery], None]) -> Responder:
        self._note = note
        return self

    async def warm(self, plan: CallPlan) -> None:
        """There is nothing to open."""

    async def withdraw(self, turn: TurnRequest, reason: str, heard: str) -> None:
        """There is nobody to tell."""

    async def respond(self, turn: TurnRequest) -> AsyncGenerator[ReplyPart, None]:
        self.asked.append(turn)
        try:
            for part in self.parts:
                yield part
            if self.failure is not None:
                raise self.failure
        finally:
            error = self.failure.reason if self.failure is not None else None
            delivery = TurnDelivery(
                delivery_id=new_id("evt"),
                event_type="agent.message",
                http_status=500 if error else 200,
                error=error,
                response_ms=7,
                sent_at=datetime.now(UTC),
            )
            self._note(turn.plan, delivery)


class World:
    """One server's services. `other` makes a second server over the same database."""

    def __init__(self, database: Database, cipher: Cipher) -> None:
        self.database, self.cipher = database, cipher
        self.clock, self.carrier = Wristwatch(), RecordingCarrier()
        self.switchboard, self.sender = RecordingSwitchboard(), RecordingSender()
        carriers = {CARRIER: cast(Carrier, self.carrier)}
        hooks = Hooks("https://parley.example")
        self.projects, self.agents = Projects(database, self.clock), Agents(database, self.clock)
        keys = {"hears": Secret("operator-hears"), "speaks": Secret("operator-speaks")}
        self.credentials = Credentials(database, cipher, keys, carriers, self.clock)
        self.webhooks = Webhooks(database, cipher, clock=self.clock)
        self.subscriptions = Subscriptions(database, cipher, self.webhooks, self.clock)
        self.destinations = Destinations(self.webhooks, self.subscriptions, "X-Body-Signature")
        self.worker = DeliveryWorker(database, self.destinations, self.sender, self.clock, poll_s=0.05)
        self.deliveries = Deliveries(database, self.webhooks, self.worker.wake, self.clock)
        self.answers = ScriptedWebhook()
        self.webhook_tests = WebhookTests(
            database, self.webhooks, self.destinations, self.sender, self.answers.to_ask, self.clock
        )
        self.accounts = CarrierAccounts(database, self.credentials, {CARRIER: OPERATOR})
        self.limits = Limits(database, Allowance(), self.clock)
        self.numbers = Numbers(
            database, self.accounts, self.credentials, carriers, hooks, CARRIER, self.limits, self.clock
        )
        self.announcements = Announcements(self.webhooks, self.worker.wake)
        self.store = RecordingStore(MemoryStore)
        links = RecordingLinks("https://parley.example", cipher.link_key(), self.clock)
        self.recordings = Recordings(database, self.store, links)
        self.queue_log = QueueLog(self.announcements)
        self.log = CallLog(
            database, self.announcements, self.accounts, carriers, self.recordings, self.queue_log, self.clock
        )
        defaults = Defaults(
            carrier=CARRIER,
            voice=VoiceChoice(provider="speaks", voice="house-voice"),
            model=ModelChoice(provider="thinks", model="small"),
            voice_providers=frozenset({"speaks", "elevenlabs"}),
        )
        self.messages = Messages(database, self.announcements, self.accounts, carriers, hooks, self.limits, self.clock)
        self.conversations = Conversations(database)
        self.plans = Plans(self.credentials, self.webhooks, defaults)
        self.presence, self.router = RecordingPresence(), Router()
        spool = MessageSpool(Path("a folder that nothing is written to"))
        messages = RecordingLinks("https://parley.example", cipher.link_key(), self.clock, folder="voicemails")
        intake = VoicemailIntake(database, self.store, spool, self.announcements, messages, clock=self.clock)
        self.voicemails = Voicemails(database, self.store, messages, intake, self.clock)
        self._open_desk(carriers, hooks)

    def _open_desk(self, carriers: Mapping[str, Carrier], hooks: Hooks) -> None:
        database, clock = self.database, self.clock
        drafts = CallDrafts(self.plans, self.accounts, carriers, self.limits, clock)
        turns, stages = Turns(self.limits), Stages(self.plans, self.voicemails)
        lanes = Lanes(self.plans, turns, stages, clock)
        self.desk = Desk(database, lanes, stages, self.queue_log, clock)
        events = CallEvents(self.announcements, self.recordings)
        arrivals = Arrivals(self.router, self.plans, lanes, turns, stages, self.limits, events, clock)
        dialling = Dialling(database, self.log, self.plans, self.switchboard, self.accounts, carriers, hooks)
        self.calls = Calls(
            database,
            self.log,
            self.plans,
            drafts,
            arrivals,
            self.desk,
            dialling,
            self.switchboard,
            self.presence,
            clock,
        )
        self.dispatcher = Dispatcher(database, self.desk, turns, stages, self.queue_log, drafts, clock)
        self._dialling = dialling
        self.runner = self.runner_of(self.switchboard)

    def runner_of(self, switchboard: RecordingSwitchboard) -> QueueRunner:
        """Queues as the process serves them that holds the calls of this switchboard."""
        return QueueRunner(
            self.database, self.dispatcher, self.limits, switchboard, self.presence, self._dialling, self.clock
        )

    async def project(self, name: str = "mine") -> str:
        return (await self.projects.create_key(name))[0].project_id

    async def agent(self, project_id: str, **fields: Any) -> AgentRow:
        wanted = {"name": "Ann", "voice_mode": "hosted", "system_prompt": "Be kind."} | fields
        return await self.agents.create(project_id, AgentCreate(**wanted))

    async def number(self, project_id: str, agent_id: str | None = None) -> NumberRow:
        return await self.numbers.buy(project_id, NumberBuy(agent_id=agent_id))


def text(body: str, carrier_message_id: str = "SM-in-1", **more: Any) -> IncomingMessage:
    facts = {"from_number": "+14155559999", "to_number": "+14155550001"} | more
    return IncomingMessage(carrier_message_id=carrier_message_id, body=body, **facts)


def ringing(
    carrier_call_id: str = "CA-in-1", to_number: str = "+14155550001", from_number: str = "+14155559999"
) -> RingingCall:
    return RingingCall(carrier_call_id=carrier_call_id, from_number=from_number, to_number=to_number)
