"""One stage of a call at the front desk, running: the caller waits, leaves a message, or hears an announcement."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import structlog

from parley.audio.formats import AudioFormat
from parley.audio.music import music
from parley.audio.tones import beep
from parley.conversation import wishes
from parley.conversation.desk import wishes as desk_wishes
from parley.conversation.desk.announcing import Announcer
from parley.conversation.desk.facts import NextUnwritten, NextWritten
from parley.conversation.desk.message import MessageTaker
from parley.conversation.desk.stage import StageMachine
from parley.conversation.desk.waiting import WaitingRoom
from parley.conversation.facts import CallConnected, CallPrepared, Fact, HungUp, PartRestored
from parley.domain.calls import CallPlan, EndReason
from parley.domain.errors import ParleyError, ProviderUnavailable
from parley.domain.events import TurnDelivery
from parley.domain.stages import Announcing, StageEnd, TakingMessage, Waiting
from parley.live.absent import NoHearing, NoVoice
from parley.live.desk_supervision import DeskSupervision
from parley.live.driver import Driver
from parley.live.keeping import MessageKeeper
from parley.live.leg import LegSide
from parley.live.line import ENDED_BY_CARRIER, LineRecords, handed_on
from parley.live.metrics import Metrics
from parley.live.music_bed import MusicBed
from parley.live.providers import Providers
from parley.live.scribe import Scribe
from parley.live.speaker import Speaker
from parley.live.take import Deaf, MessageEar
from parley.providers.protocols import Hearing, LegEvents, MediaLeg, Voice, VoiceFact
from parley.services.audience import Audience

log = structlog.get_logger()

_CARRIER_TIMEOUT_S = 8.0
_ASK_TIMEOUT_S = 5.0
# What tells of the end waits so long for the message to be stored before it.
_KEEP_TIMEOUT_S = 3.0
_BEEP_MS = 400.0


class Left:
    """This stage is over here; the call goes on at another replica, or at its next stage."""

    def __init__(self, how: str) -> None:
        self.how = how


@dataclass(slots=True)
class _Parts:
    """What a stage is joined from, once it runs. `keeper` is there where a message is taken."""

    voice: Voice
    speaker: Speaker
    bed: MusicBed
    ear: MessageEar | Deaf
    scribe: Scribe
    tasks: asyncio.TaskGroup
    keeper: MessageKeeper | None = None


def machine_of(plan: CallPlan) -> StageMachine:
    """Who decides in the stage of this plan."""
    language, stage = plan.agent.language, plan.stage
    if isinstance(stage, Waiting):
        return WaitingRoom(stage, language)
    if isinstance(stage, TakingMessage):
        return MessageTaker(stage, language)
    return Announcer(stage if isinstance(stage, Announcing) else Announcing(""), language)


class DeskSession:
    """Holds one call at one stage. `run` is its whole life; the other methods may be called at any time of it."""

    def __init__(
        self, plan: CallPlan, providers: Providers, records: LineRecords, metrics: Metrics, audience: Audience
    ) -> None:
        self.plan = plan
        self.supervision = DeskSupervision(plan, audience)
        self._providers = providers
        self._records = records
        self._metrics = metrics
        self._driver = Driver(machine_of(plan), self.supervision.note, self._fulfil, self._fail)
        loop = asyncio.get_running_loop()
        self._parts: asyncio.Future[_Parts] = loop.create_future()
        self._leg: MediaLeg | None = None
        self._attached: asyncio.Future[None] = loop.create_future()
        self._leave: asyncio.Future[wishes.EndCall | Left] = loop.create_future()

    async def run(self, ring_limit_s: float) -> None:
        """Hold the caller until the stage is over, and write down what remains.

        A call whose phone does not connect within `ring_limit_s` ends as not answered. Raises only for a bug.
        """
        pieces = await self._music()
        async with asyncio.TaskGroup() as tasks:
            parts = self._join(tasks, pieces)
            writing = tasks.create_task(parts.scribe.run())
            self._driver.post(CallPrepared())
            self._driver.start()
            try:
                leave = await self._until_over(ring_limit_s)
            finally:
                self._driver.close()
                parts.voice.close()
                parts.ear.close()
            if isinstance(leave, wishes.EndCall) and await self._is_elsewhere(leave.reason):
                leave = self._left("taken_over")
            elif isinstance(leave, wishes.EndCall):
                await self._tell_carrier(leave.reason)
            if self._leg is not None:
                self._leg.close()
            if isinstance(leave, Left):
                parts.scribe.leave()
            else:
                self.supervision.tell_ended(cast(EndReason, leave.reason))
                if parts.keeper is not None:
                    await parts.keeper.kept(_KEEP_TIMEOUT_S)
                parts.scribe.ended(cast(EndReason, leave.reason), self._over_at())
            await writing
            self._metrics.ended(leave.how if isinstance(leave, Left) else leave.reason)

    async def _music(self) -> tuple[bytes, ...]:
        if not isinstance(self.plan.stage, Waiting):
            return ()
        return await asyncio.to_thread(music, self.plan.stage.music, self._providers.audio_format(self.plan))

    def _join(self, tasks: asyncio.TaskGroup, pieces: tuple[bytes, ...]) -> _Parts:
        plan, providers = self.plan, self._providers
        audio = providers.audio_format(plan)
        voice = self._voice(audio)
        speaker = Speaker(voice, audio, self._driver.post)
        parts = _Parts(
            voice=voice,
            speaker=speaker,
            bed=MusicBed(audio, pieces, speaker, self._driver.now),
            ear=Deaf(),
            scribe=Scribe(plan, self._records.calls),
            tasks=tasks,
        )
        if isinstance(plan.stage, TakingMessage):
            self._take_message(parts, plan.stage, audio)
        tasks.create_task(voice.run())
        self._parts.set_result(parts)
        return parts

    def _voice(self, audio: AudioFormat) -> Voice:
        try:
            door = self._providers.voice(self.plan)
        except ProviderUnavailable:
            return NoVoice(self._driver.post)
        return door.speak(self.plan.agent.voice, audio, self.plan.voice_key, self._on_voice)

    def _take_message(self, parts: _Parts, stage: TakingMessage, audio: AudioFormat) -> None:
        parts.ear = ear = MessageEar(audio, stage.longest_s, self._driver.post)
        hearing = self._hearing(audio, ear)
        ear.listen_through(hearing)
        parts.tasks.create_task(hearing.run())
        parts.keeper = MessageKeeper(self.plan.call_id, stage.voicemail_id, ear, self._records.desk, parts.tasks)

    def _hearing(self, audio: AudioFormat, ear: MessageEar) -> Hearing:
        try:
            door = self._providers.recogniser(self.plan)
        except ProviderUnavailable:
            return NoHearing(ear.on_hearing)
        return door.listen(self.plan.agent.listen, audio, self.plan.listen_key, ear.on_hearing)

    async def _until_over(self, ring_limit_s: float) -> wishes.EndCall | Left:
        await asyncio.wait((self._attached, self._leave), timeout=ring_limit_s, return_when=asyncio.FIRST_COMPLETED)
        if self._attached.done() or self._leave.done():
            return await self._leave
        return wishes.EndCall("no_answer")

    async def _is_elsewhere(self, reason: str) -> bool:
        """Whether a stream that broke here has come in at a replica that could not tell us: then nothing is to end."""
        if reason != "media_lost":
            return False
        grace_s = self._driver.conversation.rules.media_grace_s
        try:
            async with asyncio.timeout(_ASK_TIMEOUT_S):
                return await self._records.desk.has_come_again(self.plan.call_id, grace_s)
        except (ParleyError, TimeoutError):
            return False

    def _left(self, how: str) -> Left:
        """Instead of what this stage was to end with."""
        self._leave = asyncio.get_running_loop().create_future()
        self._leave.set_result(left := Left(how))
        return left

    async def _tell_carrier(self, reason: str) -> None:
        """Tell the carrier, unless it told us. One that cannot be told notices the closed stream and asks what next."""
        if reason in ENDED_BY_CARRIER:
            return
        try:
            async with asyncio.timeout(_CARRIER_TIMEOUT_S):
                await self._records.calls.end_at_carrier(self.plan.call_id)
        except (ParleyError, TimeoutError) as error:
            log.warning("carrier_not_told", call_id=self.plan.call_id, reason=reason, error=type(error).__name__)

    def _over_at(self) -> float:
        """As a time of the event loop: words of a message may have been waited for since."""
        over_at = self._driver.conversation.over_at
        now = asyncio.get_running_loop().time()
        return now if over_at is None else now - (self._driver.now() - over_at)

    async def abandon(self) -> bool:
        """After a bug. A caller who waits goes where an overflow goes; of a message, what there is of it is kept."""
        call_id = self.plan.call_id
        if isinstance(self.plan.stage, Waiting) and self._leg is not None:
            self._left("handed_on")
            if await handed_on(self._records.desk, call_id, "overflowed"):
                self._leg.close()
                return True
        if self._leg is not None:
            self._leg.close()
        await self._tell_carrier("provider_failed")
        if self._parts.done() and (keeper := self._parts.result().keeper) is not None:
            await keeper.rescue()
        return False

    # ------------------------------------------------------------ from outside

    @property
    def is_over(self) -> bool:
        return self._driver.conversation.is_over or self._leave.done()

    @property
    def has_left(self) -> bool:
        return self._leave.done() and not self._leave.exception() and isinstance(self._leave.result(), Left)

    @property
    def is_waiting(self) -> bool:
        """Whether the caller waits here for their turn, with a phone that is connected."""
        return isinstance(self.plan.stage, Waiting) and self._attached.done() and not self.is_over

    def post(self, fact: Fact) -> None:
        self._driver.post(fact)

    def release(self) -> None:
        """Another line has the phone: write down what is known here, and go without ending the call."""
        self._go(Left("taken_over"))
        self._driver.post(HungUp("taken_over"))

    def note_delivery(self, delivery: TurnDelivery) -> None:
        """Nobody is asked for a turn here."""

    async def attach(self, leg: MediaLeg) -> LegEvents:
        """The phone's audio arrived; a second leg takes the place of a broken first one."""
        parts = await self._parts
        old, self._leg = self._leg, leg
        if old is not None:
            old.close()
        parts.bed.attach(leg, self._driver.now())
        if self._attached.done():
            self._driver.post(PartRestored("carrier"))
        else:
            self._attached.set_result(None)
            parts.scribe.connected()
            self._driver.post(CallConnected())
        return LegSide(leg, parts.ear, parts.bed, self._driver, lambda: self._leg is leg)

    # ------------------------------------------------------------ wishes

    def _on_voice(self, fact: VoiceFact) -> None:
        if not self._parts.result().speaker.hear_voice(fact, self._driver.now()):
            self._driver.post(cast(Fact, fact))

    def _fulfil(self, wish: desk_wishes.DeskWish, now: float) -> None:
        self._FULFIL[type(wish)](self, self._parts.result(), wish, now)

    def _problem(self, parts: _Parts, code: str) -> None:
        log.info("call_problem", call_id=self.plan.call_id, code=code)
        self._metrics.problem(code)
        parts.scribe.problem(code)

    def _beep(self, parts: _Parts, wish: desk_wishes.Beep, now: float) -> None:
        sound = beep(self._providers.audio_format(self.plan), duration_ms=_BEEP_MS)
        parts.speaker.play_sound(wish.reply, sound, now)

    def _ask(self, parts: _Parts, wish: desk_wishes.AskNext) -> None:
        parts.tasks.create_task(self._ask_next(wish.end))

    async def _ask_next(self, end: StageEnd) -> None:
        try:
            async with asyncio.timeout(_ASK_TIMEOUT_S):
                comes = await self._records.desk.hand_on(self.plan.call_id, end)
        except (ParleyError, TimeoutError) as error:
            log.warning("call_not_handed_on", call_id=self.plan.call_id, end=end, error=type(error).__name__)
            self._driver.post(NextUnwritten(end))
        else:
            self._driver.post(NextWritten(end, comes))

    def _keep(self, parts: _Parts, wish: desk_wishes.KeepMessage) -> None:
        if parts.keeper is not None and not self.has_left:
            parts.keeper.keep(wish)

    def _go(self, leave: wishes.EndCall | Left) -> None:
        if not self._leave.done():
            self._leave.set_result(leave)

    def _fail(self, bug: Exception) -> None:
        """End the call: nobody knows any more what it waits for."""
        if self._leave.done():
            log.error("late_bug", call_id=self.plan.call_id, exc_info=bug)
        else:
            self._leave.set_exception(bug)

    _FULFIL: ClassVar[dict[type, Callable[[DeskSession, _Parts, Any, float], None]]] = {
        wishes.Say: lambda self, parts, wish, now: parts.speaker.say(wish.reply, wish.text),
        wishes.FinishSaying: lambda self, parts, wish, now: parts.speaker.finish(wish.reply),
        wishes.RetrySpeech: lambda self, parts, wish, now: parts.speaker.retry(wish.reply),
        wishes.StopSpeech: lambda self, parts, wish, now: parts.speaker.stop(wish.reply, now),
        wishes.PlayClip: lambda self, parts, wish, now: parts.speaker.play_clip(wish.reply, wish.clip, now),
        wishes.NoteProblem: lambda self, parts, wish, now: self._problem(parts, wish.code),
        wishes.EndCall: lambda self, parts, wish, now: self._go(wish),
        desk_wishes.PlayMusic: lambda self, parts, wish, now: parts.bed.start(),
        desk_wishes.Beep: lambda self, parts, wish, now: self._beep(parts, wish, now),
        desk_wishes.BeginTake: lambda self, parts, wish, now: parts.ear.begin(),
        desk_wishes.EndTake: lambda self, parts, wish, now: parts.ear.end(wish.drop_s),
        desk_wishes.KeepMessage: lambda self, parts, wish, now: self._keep(parts, wish),
        desk_wishes.AskNext: lambda self, parts, wish, now: self._ask(parts, wish),
        desk_wishes.Leave: lambda self, parts, wish, now: self._go(Left("handed_on")),
    }
