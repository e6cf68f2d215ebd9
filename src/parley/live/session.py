"""One call, running: it joins the conversation to its parts and lives from the ring to the last written row.

What takes time (sockets, replies, writing) runs in children of the session's TaskGroup; everything else happens in the
driver, at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Literal, cast

import structlog

from parley.conversation import wishes
from parley.conversation.facts import (
    AnyFact,
    CallConnected,
    CallPrepared,
    Fact,
    HungUp,
    PartReplaced,
    PartRestored,
    TransferReturned,
    VoiceStarted,
)
from parley.conversation.journals.journal import Entry, Header
from parley.conversation.machine import Conversation
from parley.conversation.measuring.talk import Talk, TalkObserver
from parley.conversation.rules import TurnRules
from parley.domain.calls import CallPlan, EndReason
from parley.domain.errors import ParleyError
from parley.domain.events import TurnDelivery
from parley.live.driver import Driver
from parley.live.journals import Journal
from parley.live.leg import LegSide
from parley.live.line import ENDED_BY_CARRIER, LineRecords, handed_on, handed_over
from parley.live.listener import Listener
from parley.live.metrics import Metrics, TurnMeter
from parley.live.providers import Providers
from parley.live.recorder import Recorder, Unrecorded
from parley.live.replier import Replier
from parley.live.scribe import Scribe
from parley.live.speaker import Speaker
from parley.live.supervision import Supervision
from parley.providers.failover.hearing import SparedHearing
from parley.providers.protocols import HearingFact, LegEvents, MediaLeg, Voice, VoiceFact
from parley.services.audience import Audience

log = structlog.get_logger()

_CARRIER_TIMEOUT_S = 8.0
# The phone is free by then. What tells of the end may wait so long, to tell of the recording too.
_RECORDING_TIMEOUT_S = 1.5
# A caller who comes back finds an agent that remembers: the stream stays open so long for what was said to be written.
_MEMORY_TIMEOUT_S = 1.0


@dataclass(frozen=True, slots=True)
class TakenOver:
    """The call goes on without this session: at another replica, or at its next stage; `how` is for the metrics."""

    how: Literal["taken_over", "transferred"] = "taken_over"


@dataclass(slots=True)
class _Parts:
    """What a session is joined from, once it runs."""

    hearing: SparedHearing
    voice: Voice
    listener: Listener
    speaker: Speaker
    replier: Replier
    scribe: Scribe
    recorder: Recorder | Unrecorded
    tasks: asyncio.TaskGroup


@dataclass(frozen=True, slots=True)
class _Steps:
    """Who is shown every step of the conversation."""

    journal: Journal
    talk: TalkObserver
    supervision: Supervision
    meter: TurnMeter

    def note(self, entry: Entry) -> None:
        self.journal.write(entry)
        self.talk.observe(entry)
        if self.supervision.watch.is_on:  # asked here, because most calls are watched by nobody
            self.supervision.watch.note(entry)


class Session:
    """Holds one call. `run` is its whole life; the other methods may be called at any time of it."""

    def __init__(
        self,
        plan: CallPlan,
        providers: Providers,
        records: LineRecords,
        journal: Journal,
        metrics: Metrics,
        audience: Audience,
    ) -> None:
        self.plan = plan
        self._providers = providers
        self._records = records
        conversation = Conversation(plan.agent, TurnRules(judges_turns=providers.turn_model is not None))
        supervision = Supervision(plan, audience, conversation, self.post)
        self._steps = _Steps(journal, TalkObserver(), supervision, TurnMeter(metrics, conversation.is_open))
        self._metrics = metrics
        self._driver = Driver(conversation, self._steps.note, self._fulfil, self._fail)
        loop = asyncio.get_running_loop()
        self._parts: asyncio.Future[_Parts] = loop.create_future()
        self._leg: MediaLeg | None = None
        self._attached: asyncio.Future[None] = loop.create_future()
        self._leave: asyncio.Future[wishes.EndCall | TakenOver] = loop.create_future()

    async def run(self, ring_limit_s: float) -> None:
        """Warm everything up, talk, leave, and write down what remains.

        A call whose phone does not connect within `ring_limit_s` ends as not answered. Raises only for a bug.
        """
        async with asyncio.TaskGroup() as tasks:
            parts = self._join(tasks)
            writing = tasks.create_task(parts.scribe.run())
            self._driver.post(CallPrepared())
            before = self.plan.continues
            if before is not None and before.is_back and before.transfer is not None:
                self._driver.post(TransferReturned(before.transfer.outcome, before.transfer.to))
            self._driver.start()
            try:
                leave = await self._until_over(ring_limit_s)
            finally:
                self._driver.close()
                parts.recorder.end()
                parts.replier.cancel_all()
                parts.hearing.close()
                parts.voice.close()
                self.supervision.end()
            talk = self._steps.talk.talk()
            if isinstance(leave, TakenOver):
                parts.scribe.leave(talk)
                if leave.how == "transferred":
                    self.supervision.watch.tell_state("forwarding")
                    await asyncio.wait((writing,), timeout=_MEMORY_TIMEOUT_S)
                self._hang_up_here()
            else:
                await self._end(parts, await self._tell_carrier(leave), talk)
            await writing
            self._metrics.ended(leave.how if isinstance(leave, TakenOver) else leave.reason)
            self._steps.journal.close()

    async def _end(self, parts: _Parts, reason: EndReason, talk: Talk | None) -> None:
        self._hang_up_here()
        self.supervision.watch.tell_ended(reason)
        over_at = asyncio.get_running_loop().time()
        await parts.recorder.kept(_RECORDING_TIMEOUT_S)
        parts.scribe.ended(reason, over_at, talk)

    def _hang_up_here(self) -> None:
        """Close the stream of the call's phone."""
        if self._leg is not None:
            self._leg.close()

    def _join(self, tasks: asyncio.TaskGroup) -> _Parts:
        plan, providers = self.plan, self._providers
        audio = providers.audio_format(plan)
        hearing = providers.hearing(plan, audio, self._on_hearing)
        voice = providers.speaking(plan, audio, self._on_voice)
        responder, conversation = providers.responder(plan, self._driver.post), self._driver.conversation
        scribe = Scribe(plan, self._records.calls)
        parts = _Parts(
            hearing=hearing,
            voice=voice,
            listener=Listener(hearing, audio, self._on_hearing, providers.turn_model),
            speaker=Speaker(voice, audio, self._driver.post),
            replier=Replier(
                plan,
                responder,
                tasks,
                self._driver.post,
                conversation.history,
                conversation.whispers,
                lambda: conversation.returned,
            ),
            scribe=scribe,
            recorder=providers.recorders.open(plan, audio, self._driver.now, scribe.problem),
            tasks=tasks,
        )
        self._steps.journal.begin(Header(plan.call_id, plan.agent, self._driver.conversation.rules))
        for work in (hearing.run(), voice.run(), responder.warm(plan), self._steps.journal.run(), parts.recorder.run()):
            tasks.create_task(work)
        listen = partial(providers.recogniser(plan).listen, plan.agent.listen, audio, plan.listen_key)
        self.supervision.join(audio, parts.speaker, self._driver.now, listen, tasks)
        self._parts.set_result(parts)
        return parts

    async def _until_over(self, ring_limit_s: float) -> wishes.EndCall | TakenOver:
        await asyncio.wait((self._attached, self._leave), timeout=ring_limit_s, return_when=asyncio.FIRST_COMPLETED)
        if self._attached.done() or self._leave.done():
            return await self._leave
        return wishes.EndCall("no_answer")

    async def _tell_carrier(self, leave: wishes.EndCall) -> EndReason:
        """Tell the carrier, unless it told us. One that cannot be told notices the closed stream and asks what next."""
        call_id, reason = self.plan.call_id, cast(EndReason, leave.reason)
        try:
            async with asyncio.timeout(_CARRIER_TIMEOUT_S):
                if reason not in ENDED_BY_CARRIER:
                    await self._records.calls.end_at_carrier(call_id)
        except (ParleyError, TimeoutError) as error:
            log.warning("carrier_not_told", call_id=call_id, reason=reason, error=type(error).__name__)
        return reason

    async def _transfer(self, parts: _Parts, number: str) -> None:
        """Let the carrier have the caller, or tell the conversation, which is alive until then, that it cannot."""
        if await handed_over(self._records.desk, self.plan.call_id, number, parts.replier.told()):
            self._go(TakenOver("transferred"))
            self._driver.post(HungUp("transferred"))
        elif not self._leave.done():
            self._problem(parts, wishes.NoteProblem("transfer_failed"))
            self._driver.post(TransferReturned("failed", number))

    async def abandon(self) -> bool:
        """After a bug: let the phone go, so that nobody is left on a dead line. True where the call goes on."""
        goes_on = False
        if self._falls_back:
            self._leave = asyncio.get_running_loop().create_future()
            self._leave.set_result(TakenOver())  # whoever hears that the caller hung up writes it down, not we
            goes_on = await handed_on(self._records.desk, self.plan.call_id, "agent_failed")
        if self._leg is not None:
            self._leg.close()
        if not goes_on:
            await self._tell_carrier(wishes.EndCall("provider_failed"))
        return goes_on

    @property
    def _falls_back(self) -> bool:
        """Whether a caller whose agent breaks down for good can leave a message instead.

        One whose phone is not connected yet comes to it as soon as it is.
        """
        return self.plan.fallback == "voicemail"

    def _play_clip(self, parts: _Parts, clip: wishes.PlayClip, now: float) -> None:
        """The farewell is for callers who have nowhere else to go."""
        if clip.clip == "farewell" and self._falls_back:
            parts.tasks.create_task(self._fall_back(parts, clip))
        else:
            parts.speaker.play_clip(clip.reply, clip.clip, now)

    async def _fall_back(self, parts: _Parts, farewell: wishes.PlayClip) -> None:
        if await handed_on(self._records.desk, self.plan.call_id, "agent_failed"):
            self._go(TakenOver())
        else:
            parts.speaker.play_clip(farewell.reply, farewell.clip, self._driver.now())

    # ------------------------------------------------------------ from outside

    @property
    def supervision(self) -> Supervision:
        return self._steps.supervision

    @property
    def is_over(self) -> bool:
        return self._driver.conversation.is_over

    def post(self, fact: AnyFact) -> None:
        """Tell the conversation something the carrier or the API knows."""
        self._settle()
        self._driver.post(fact)

    @property
    def has_left(self) -> bool:
        return self._leave.done() and not self._leave.exception() and isinstance(self._leave.result(), TakenOver)

    def release(self) -> None:
        """Another replica has the phone: write down what was said here, and go without ending the call.

        A session that never had the phone leaves nothing behind.
        """
        if not self._attached.done() and self._parts.done():
            self._parts.result().scribe.leave()
        self._go(TakenOver())
        self._driver.post(HungUp("taken_over"))

    def note_delivery(self, delivery: TurnDelivery) -> None:
        """The customer's webhook was asked for a turn: keep how that went."""
        if self._parts.done():
            self._parts.result().scribe.delivery(delivery)

    async def attach(self, leg: MediaLeg) -> LegEvents:
        """The phone's audio arrived; a second leg takes the place of a broken first one."""
        parts = await self._parts
        leg = parts.recorder.tap(leg)
        old, self._leg = self._leg, leg
        if old is not None:
            old.close()
        parts.speaker.attach(self.supervision.through(leg), self._driver.now())
        if self._attached.done():
            self._driver.post(PartRestored("carrier"))
        else:
            self._attached.set_result(None)
            parts.scribe.connected()
            self._driver.post(CallConnected())
        side = LegSide(leg, parts.listener, parts.speaker, self._driver, lambda: self._leg is leg)
        return parts.recorder.listen_in(leg, self.supervision.listen_in(side))

    # ------------------------------------------------------------ from the parts

    def _on_hearing(self, fact: HearingFact | AnyFact) -> None:
        if isinstance(fact, VoiceStarted) and self._parts.done():
            self._parts.result().replier.warm()
        self.post(fact)

    def _settle(self) -> None:
        """Before anything counts that may cut the agent short: how far had the caller heard it?"""
        if self._parts.done():
            self._parts.result().speaker.progress(self._driver.now())

    def _on_voice(self, fact: VoiceFact | PartReplaced) -> None:
        if isinstance(fact, PartReplaced):
            self._driver.post(fact)
            return
        if not self._parts.result().speaker.hear_voice(fact, self._driver.now()):
            self._driver.post(cast(Fact, fact))

    # ------------------------------------------------------------ wishes

    def _fulfil(self, wish: wishes.AnyWish, now: float) -> None:
        self._FULFIL[type(wish)](self, self._parts.result(), wish, now)

    def _murmur(self, parts: _Parts, murmur: wishes.Murmur) -> None:
        parts.speaker.say(murmur.reply, murmur.text)
        parts.speaker.finish(murmur.reply)

    def _note(self, parts: _Parts, note: wishes.NoteTurn) -> None:
        parts.scribe.note(note)
        self._steps.meter.note(note)

    def _problem(self, parts: _Parts, problem: wishes.NoteProblem) -> None:
        log.info("call_problem", call_id=self.plan.call_id, code=problem.code)
        self._metrics.problem(problem.code)
        parts.scribe.problem(problem.code)

    def _hand_over(self, parts: _Parts, transfer: wishes.TransferTo) -> None:
        parts.tasks.create_task(self._transfer(parts, transfer.number))

    def _go(self, leave: wishes.EndCall | TakenOver) -> None:
        if not self._leave.done():
            self._leave.set_result(leave)

    def _fail(self, bug: Exception) -> None:
        """End the call: nobody knows any more what it waits for."""
        if self._leave.done():
            log.error("late_bug", call_id=self.plan.call_id, exc_info=bug)
        else:
            self._leave.set_exception(bug)

    _FULFIL: ClassVar[dict[type, Callable[[Session, _Parts, Any, float], None]]] = {
        wishes.AskReply: lambda self, parts, wish, now: parts.replier.ask(wish),
        wishes.ConfirmReply: lambda self, parts, wish, now: parts.replier.confirm(wish.reply),
        wishes.RetryReply: lambda self, parts, wish, now: parts.replier.retry(wish.reply),
        wishes.CancelReply: lambda self, parts, wish, now: parts.replier.cancel(wish),
        wishes.Say: lambda self, parts, wish, now: parts.speaker.say(wish.reply, wish.text),
        wishes.Murmur: lambda self, parts, wish, now: self._murmur(parts, wish),
        wishes.FinishSaying: lambda self, parts, wish, now: parts.speaker.finish(wish.reply),
        wishes.HoldBack: lambda self, parts, wish, now: parts.speaker.hold_back(wish.reply),
        wishes.LetOut: lambda self, parts, wish, now: parts.speaker.let_out(wish.reply, now),
        wishes.RetrySpeech: lambda self, parts, wish, now: parts.speaker.retry(wish.reply),
        wishes.HoldSpeech: lambda self, parts, wish, now: parts.speaker.hold(now),
        wishes.ResumeSpeech: lambda self, parts, wish, now: parts.speaker.resume(now),
        wishes.StopSpeech: lambda self, parts, wish, now: parts.speaker.stop(wish.reply, now),
        wishes.PlayClip: lambda self, parts, wish, now: self._play_clip(parts, wish, now),
        wishes.PressDigits: lambda self, parts, wish, now: parts.speaker.press(wish.digits, now),
        wishes.NoteTurn: lambda self, parts, wish, now: self._note(parts, wish),
        wishes.NoteInterruption: lambda self, parts, wish, now: self._metrics.interruption(wish),
        wishes.JudgeTurn: lambda self, parts, wish, now: parts.listener.judge(wish.pause),
        wishes.NoteProblem: lambda self, parts, wish, now: self._problem(parts, wish),
        wishes.ReplacePart: lambda self, parts, wish, now: parts.hearing.replace(wish.reason),
        wishes.OpenMicrophone: lambda self, parts, wish, now: self.supervision.open_microphone(wish.by),
        wishes.CloseMicrophone: lambda self, parts, wish, now: self.supervision.close_microphone(),
        wishes.TransferTo: lambda self, parts, wish, now: self._hand_over(parts, wish),
        wishes.EndCall: lambda self, parts, wish, now: self._go(wish),
    }
