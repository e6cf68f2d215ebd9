"""One spoken text or sound at a time, from the wish to say it until it was heard, or never will be."""

from __future__ import annotations

from typing import Literal

from parley.conversation import facts, wishes
from parley.conversation.deadlines import Deadlines
from parley.conversation.desk.rules import DeskRules
from parley.conversation.desk.wishes import Beep, DeskWish
from parley.conversation.lines import CLIP_TEXTS

Outcome = Literal["heard", "failed"]

VOICE = "voice"
_RETRY = "voice_retry"
# No voice speaks so slowly: a text that sounded this long is over, whatever the phone confirms.
_SLOWEST_S_A_CHAR = 0.25
_MARGIN_S = 6.0


class Prompts:
    """Numbers what is said, and watches over it while a phone is there. Its deadlines begin with `voice`."""

    def __init__(self, rules: DeskRules, deadlines: Deadlines, out: list[DeskWish]) -> None:
        self._rules = rules
        self._deadlines = deadlines
        self._out = out
        self._number = 0
        self._limit_s: float | None = None
        self.is_speaking = False
        self.is_mute = False
        """The voice has failed for good."""
        self._has_phone = False
        self._has_sounded = False

    # ------------------------------------------------------------ what is said

    def say(self, text: str, now: float) -> bool:
        """Say this instead of what is being said. False if there is no voice, or nothing to say."""
        self.stop()
        if self.is_mute or not text.strip():
            return False
        self._begin(None, now)
        self._limit_s = len(text) * _SLOWEST_S_A_CHAR + _MARGIN_S
        self._out += [wishes.Say(self._number, text), wishes.FinishSaying(self._number)]
        return True

    def beep(self, now: float) -> None:
        """The beep, which needs no voice."""
        self.stop()
        self._begin(self._rules.beep_s + self._rules.beep_margin_s, now)
        self._out.append(Beep(self._number))

    def clip(self, clip: wishes.Clip, now: float) -> None:
        """A recorded sentence, which needs no voice."""
        self.stop()
        self._begin(len(CLIP_TEXTS[clip]) * _SLOWEST_S_A_CHAR, now)
        self._out.append(wishes.PlayClip(self._number, clip))

    def stop(self) -> None:
        """Say no more of what is being said."""
        if self.is_speaking:
            self._out.append(wishes.StopSpeech(self._number))
            self._over()

    def _begin(self, limit_s: float | None, now: float) -> None:
        """With a `limit_s` it needs no voice, and counts as heard after that."""
        self._number += 1
        self._has_sounded, self._limit_s = limit_s is not None, limit_s
        self.is_speaking = True
        self._watch(now)

    def _watch(self, now: float) -> None:
        if not self._has_phone or not self.is_speaking:
            return
        if self._has_sounded:
            self._deadlines.set(VOICE, now + (self._limit_s or 0.0))
        else:
            self._deadlines.set(_RETRY, now + self._rules.voice_retry_s)
            self._deadlines.set(VOICE, now + self._rules.voice_limit_s)

    def _over(self) -> None:
        self.is_speaking = False
        self._deadlines.clear(VOICE, _RETRY)

    # ------------------------------------------------------------ the phone

    def connected(self, now: float) -> None:
        """From here on what is said can be heard, so a voice that says nothing keeps somebody waiting."""
        self._has_phone = True
        self._watch(now)

    def disconnected(self) -> None:
        self._has_phone = False
        self._deadlines.clear(VOICE, _RETRY)

    # ------------------------------------------------------------ what becomes of it

    def handle(self, fact: facts.Fact, now: float) -> Outcome | None:
        """How what is being said came out, once this fact tells it. Facts about anything else tell nothing."""
        if isinstance(fact, facts.PartFailed) and fact.part == "text_to_speech":
            self.is_mute = True
            return self._failed() if not self._has_sounded else None
        if not self.is_speaking or getattr(fact, "reply", None) != self._number:
            return None
        if isinstance(fact, facts.SpeechEnded):
            self._over()
            return "heard"
        if isinstance(fact, facts.SpeechFailed):
            return self._failed()
        if isinstance(fact, facts.SpeechStarted) and not self._has_sounded:
            self._has_sounded = True
            self._deadlines.clear(_RETRY)
            self._watch(now)
        elif isinstance(fact, facts.SpeechStarved):
            self._deadlines.set(VOICE, now + self._rules.voice_limit_s)
        return None

    def due(self, name: str, now: float) -> Outcome | None:
        """One of the deadlines that are ours has come."""
        if name == _RETRY:
            self._out.append(wishes.RetrySpeech(self._number))
            return None
        has_sounded = self._has_sounded
        outcome = self._failed()
        return "heard" if has_sounded else outcome

    def _failed(self) -> Outcome | None:
        if not self.is_speaking:
            return None
        self.stop()
        return "failed"
