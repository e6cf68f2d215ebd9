"""A conversation and a speaker joined as a session joins them, with a voice and a phone, all in call time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

from parley.audio.formats import MULAW_8K
from parley.conversation import facts, wishes
from parley.conversation.journals.journal import Entry
from parley.conversation.machine import Conversation
from parley.conversation.states import Agent
from parley.domain.agents import AgentSnapshot
from parley.live.speaker import Speaker
from tests.conversation.telling import HOSTED
from tests.live.doubles import PlayingPhone, ScriptedVoice, done, spoken

Wish = TypeVar("Wish", bound=wishes.Wish)

_TICK_S = 0.02


class Duet:
    """Time passes in `wait` alone. The voice speaks at once what it is given, unless `voice_works` is False."""

    def __init__(self, agent: AgentSnapshot = HOSTED) -> None:
        self.conversation = Conversation(agent)
        self.voice = ScriptedVoice()
        self.voice_works = True
        self.wished: list[wishes.AnyWish] = []
        self.steps: list[Entry] = []
        self.speaker = Speaker(self.voice, MULAW_8K, self.post)
        self.phone = PlayingPhone(self.speaker.played)
        self._inbox: deque[facts.AnyFact] = deque()
        self._is_working = False
        self._voiced: dict[int, int] = {}

    @property
    def now(self) -> float:
        return self.phone.now

    def connect(self) -> None:
        self.post(facts.CallPrepared())
        self.wait(0.1)
        self.speaker.attach(self.phone, self.now)
        self.post(facts.CallConnected())

    def post(self, fact: facts.AnyFact) -> None:
        self._inbox.append(fact)
        if not self._is_working:
            self._work()

    def tell(self, *told: facts.AnyFact, after: float = 0.0) -> None:
        """Let time pass, then tell facts as the session does: first it is settled how far the phone has played."""
        self.wait(after)
        for fact in told:
            self.speaker.progress(self.now)
            self.post(fact)

    def says(self, text: str, *, after: float = 0.0) -> None:
        """The caller says a sentence in one second, and the recogniser ends the turn 0.3 s later."""
        self.tell(facts.VoiceStarted(), after=after)
        self.tell(facts.WordsHeard(text.split()[0]), after=0.3)
        self.tell(facts.VoiceStopped(ago_s=0.2), after=0.9)
        self.tell(facts.WordsHeard(text, is_final=True, ends_turn=True), after=0.1)

    def answers(self, text: str, *, after: float = 0.0) -> None:
        """The responder answers what it was asked last."""
        reply = self.all(wishes.AskReply)[-1].reply
        self.tell(facts.ReplyText(reply, text), facts.ReplyDone(reply), after=after)

    def wait(self, seconds: float) -> None:
        for _ in range(round(seconds / _TICK_S)):
            self.phone.let_pass(_TICK_S)
            if self.voice_works:
                self._let_voice_speak()
            while (at := self.conversation.next_deadline()) is not None and at <= self.now:
                self._is_working = True
                self._fulfil(None, self.conversation.handle_deadline(self.now))
                self._work()

    def all(self, kind: type[Wish]) -> list[Wish]:
        return [wish for wish in self.wished if isinstance(wish, kind)]

    def problems(self) -> list[str]:
        return [wish.code for wish in self.all(wishes.NoteProblem)]

    def _let_voice_speak(self) -> None:
        for number, text in list(self.voice.text.items()):
            if number in self.voice.cancelled or (given := self._voiced.get(number, 0)) < 0:
                continue
            if given < len(text):
                self._voiced[number] = len(text)
                self.speaker.take(spoken(number, text[given:]), self.now)
            if number in self.voice.finished:
                self._voiced[number] = -1
                self.speaker.done(done(number), self.now)

    def _work(self) -> None:
        self._is_working = True
        while self._inbox:
            fact = self._inbox.popleft()
            self._fulfil(fact, self.conversation.handle(fact, self.now))
        self._is_working = False
        assert self.speaker.is_held is (self.conversation.agent_state is Agent.HELD), "held by one and not by the other"

    def _fulfil(self, fact: facts.AnyFact | None, wished: list[wishes.AnyWish]) -> None:
        self.steps.append(Entry(self.now, fact, wished))
        for wish in wished:
            self.wished.append(wish)
            fulfil = self._FULFIL.get(type(wish))
            if fulfil is not None:
                fulfil(self, wish)

    def _murmur(self, wish: wishes.Murmur) -> None:
        self.speaker.say(wish.reply, wish.text)
        self.speaker.finish(wish.reply)

    _FULFIL: ClassVar[dict[type, Callable[[Duet, Any], None]]] = {
        wishes.Say: lambda self, wish: self.speaker.say(wish.reply, wish.text),
        wishes.Murmur: _murmur,
        wishes.FinishSaying: lambda self, wish: self.speaker.finish(wish.reply),
        wishes.HoldBack: lambda self, wish: self.speaker.hold_back(wish.reply),
        wishes.LetOut: lambda self, wish: self.speaker.let_out(wish.reply, self.now),
        wishes.RetrySpeech: lambda self, wish: self.speaker.retry(wish.reply),
        wishes.HoldSpeech: lambda self, wish: self.speaker.hold(self.now),
        wishes.ResumeSpeech: lambda self, wish: self.speaker.resume(self.now),
        wishes.StopSpeech: lambda self, wish: self.speaker.stop(wish.reply, self.now),
        wishes.PlayClip: lambda self, wish: self.speaker.play_clip(wish.reply, wish.clip, self.now),
        wishes.PressDigits: lambda self, wish: self.speaker.press(wish.digits, self.now),
    }
