"""A call played in call time: a caller who is made of verbs, a responder, a voice and a phone; and its journal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from parley.conversation import facts, wishes
from parley.conversation.journals.journal import Header, encode
from parley.domain.agents import AgentSnapshot
from tests.conversation.laws import Laws
from tests.conversation.telling import HOSTED
from tests.live.duet import Duet

_WORD_S = 0.3
_ONSET_S = 0.08
_DIP_S = 0.06
_HANGOVER_S = 0.24
_ENDPOINTING_S = 0.3


class Scene(Duet):
    """Verbs return when what they tell is over."""

    # ------------------------------------------------------------ the caller

    def begins_to_speak(self, *, after: float = 0.0) -> None:
        self.tell(facts.VoiceStarted(_ONSET_S), after=after)

    def falls_quiet(self) -> None:
        """The sound ends here; its end is certain a quarter of a second later."""
        self.tell(facts.VoicePaused(_DIP_S), after=_DIP_S)
        self.tell(facts.VoiceStopped(_HANGOVER_S), after=_HANGOVER_S - _DIP_S)

    def coughs(self, *, after: float = 0.0, for_s: float = 0.26) -> None:
        """A sound without words."""
        self.begins_to_speak(after=after)
        self.wait(for_s)
        self.falls_quiet()

    def utters(self, text: str, *, after: float = 0.0) -> None:
        """Words as a recogniser hears them while they are spoken, one by one, and the end of their sound."""
        self.begins_to_speak(after=after)
        words = text.split()
        for count in range(1, len(words) + 1):
            self.tell(facts.WordsHeard(" ".join(words[:count])), after=_WORD_S)
        self.falls_quiet()

    def says(self, text: str, *, after: float = 0.0, ends: bool = True) -> None:
        """A sentence; the recogniser settles it 0.3 s after its sound and, unless told not to, ends the turn."""
        self.utters(text, after=after)
        self.tell(facts.WordsHeard(text, is_final=True, ends_turn=ends), after=_ENDPOINTING_S - _HANGOVER_S)

    def presses(self, digits: str, *, after: float = 0.0) -> None:
        self.wait(after)
        for digit in digits:
            self.tell(facts.KeyPressed(digit), after=0.2)

    # ------------------------------------------------------------ whoever answers

    @property
    def asked(self) -> int:
        """The reply that was asked for last."""
        return self.all(wishes.AskReply)[-1].reply

    def begins_to_answer(self, text: str, *, after: float = 0.2) -> None:
        whole = self.conversation.agent.voice_mode == "webhook"
        self.tell(facts.ReplyText(self.asked, text, is_whole=whole), after=after)

    def answers(self, text: str, *, after: float = 0.2, then: type[facts.Fact] | None = None) -> None:
        """A complete answer; `then` is what it wants done behind its words (`ReplyHangup`, `ReplyTransfer`)."""
        self.begins_to_answer(text, after=after)
        if then is not None:
            self.tell(then(self.asked))  # type: ignore[arg-type]
        self.tell(facts.ReplyDone(self.asked))

    def asks_and_hears(self, question: str, answer: str, *, after: float = 0.5) -> None:
        """One plain exchange, heard out."""
        self.says(question, after=after)
        self.answers(answer)
        self.wait(len(answer) * 0.05 + 0.4)


@dataclass(frozen=True)
class Story:
    """What a person who listened would tell of a call.

    `said` is who said what, as far as the other side heard it; `stops` are the times the agent fell silent for the
    caller, with what came of each and why.
    """

    said: tuple[tuple[str, str], ...]
    stops: tuple[tuple[str, str], ...] = ()
    end: str = ""
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class Situation:
    """A hard moment of a call: its script, and the story that must come of it. `pain` is what users suffer there."""

    name: str
    pain: str
    script: Callable[[Scene], None]
    story: Story
    agent: AgentSnapshot = field(default=HOSTED)

    def play(self) -> Scene:
        """Play it from the ring on, the laws watching."""
        scene = Scene(self.agent)
        scene.connect()
        self.script(scene)
        laws = Laws(scene.conversation)
        for entry in scene.steps:
            laws.check_wishes(entry)
        return scene

    def journal(self) -> bytes:
        """The journal of playing it now."""
        scene = self.play()
        header = Header(self.name, self.agent, scene.conversation.rules)
        return b"".join([encode(header), *(encode(entry) for entry in scene.steps)])
