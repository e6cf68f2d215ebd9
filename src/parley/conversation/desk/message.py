"""Taking a message: a greeting, a beep, what the caller says after it, and thanks."""

from __future__ import annotations

from typing import Literal

from parley.conversation import facts
from parley.conversation.desk import lines
from parley.conversation.desk.facts import DeskFact
from parley.conversation.desk.prompts import Outcome
from parley.conversation.desk.rules import DeskRules
from parley.conversation.desk.stage import StageMachine
from parley.conversation.desk.wishes import BeginTake, EndTake, KeepMessage
from parley.domain.stages import TakingMessage
from parley.domain.voicemails import greeting_for

END_KEY = "#"
_UNSAID, _SILENCE, _LONGEST, _SETTLE = "unsaid", "silence", "longest", "settle"

State = Literal["greeting", "beeping", "taking", "closing"]


class MessageTaker(StageMachine):
    """Whatever fails, the caller reaches the beep, and what is said after it is kept.

    A caller who hangs up ends the message; so do `#`, silence, and the longest a message may be. Where nothing at all
    was said, what is kept says so.
    """

    def __init__(self, stage: TakingMessage, language: str, rules: DeskRules | None = None) -> None:
        super().__init__(language, rules)
        self._stage = stage
        self._state: State = "greeting"
        self._words = Words()
        self._is_voice = False
        self._quiet_since: float | None = None  # the last moment at which the caller was heard
        self._reason = "message_taken"
        self._is_kept = False
        self._is_deaf = False

    def _prepared(self, now: float) -> None:
        self._say(greeting_for(self.language, self._stage.greeting), now)

    def _connected(self, now: float) -> None:
        if self._state == "beeping":  # there was no voice to greet with, and a beep that nobody heard is none
            self._beep(now)
        elif not self._prompts.is_speaking:
            self._prepared(now)

    def _said(self, outcome: Outcome, now: float) -> None:
        if self._state == "greeting":
            self._beep(now)
        elif self._state == "beeping" and self._is_connected:
            self._begin(now)
        elif self._state == "closing":
            self._end_if_done(now)

    def _hear(self, fact: DeskFact, now: float) -> None:
        match fact:
            case facts.KeyPressed(digit=digit) if digit == END_KEY:
                self._key(now)
            case facts.PartFailed(part="speech_to_text"):
                self._is_deaf = True
                if self._state == "closing":
                    self._keep(now)
            case _ if self._state == "taking":
                self._listen(fact, now)
            case facts.WordsHeard() if self._state == "closing":
                self._words.hear(fact)
                if fact.is_final and fact.ends_turn:
                    self._keep(now)
            case facts.UtteranceEnded() if self._state == "closing":
                self._keep(now)
            case _:
                pass

    def _due(self, name: str, now: float) -> None:
        if name == _SETTLE:
            self._keep(now)
        elif name == _UNSAID:
            self._close_take(now, "silence", lines.nothing_heard(self.language))
        else:
            self._close_take(now, "message_taken", lines.thanks(self.language))

    def _gone(self, reason: str, now: float) -> None:
        """Nobody is there to be thanked, but words may still come of what was said."""
        if self.over_at is not None:
            return
        self._prompts.stop()
        self.over_at = now
        if self._state == "taking":
            self._close_take(now, reason, "")
        elif self._state == "closing":
            self._reason = reason
            self._end_if_done(now)
        else:
            self._out.append(KeepMessage("", 0.0, was_empty=True))
            self._end(reason, now)

    # ------------------------------------------------------------ to the beep

    def _beep(self, now: float) -> None:
        self._state = "beeping"
        self._prompts.beep(now)

    def _key(self, now: float) -> None:
        """During the greeting `#` means: I know, go on."""
        if self._state == "greeting" and self._is_connected:
            self._beep(now)
        elif self._state == "taking":
            self._close_take(now, "message_taken", lines.thanks(self.language), key_s=self.rules.key_s)

    # ------------------------------------------------------------ the message

    def _begin(self, now: float) -> None:
        self._state = "taking"
        self._out.append(BeginTake())
        self._deadlines.set(_UNSAID, now + self.rules.unsaid_s)
        self._deadlines.set(_LONGEST, now + self._stage.longest_s)

    def _listen(self, fact: DeskFact, now: float) -> None:
        """Words count as sound: a recogniser may hear somebody who is too quiet for our detector."""
        match fact:
            case facts.VoiceStarted():
                self._is_voice, self._quiet_since = True, now
                self._deadlines.clear(_UNSAID, _SILENCE)
            case facts.VoiceStopped(ago_s=ago_s) if self._is_voice:
                self._is_voice = False
                self._fell_quiet(now - ago_s)
            case facts.WordsHeard(text=text) if text.strip():
                self._words.hear(fact)
                if not self._is_voice and not self._was_heard_lately(now):
                    self._fell_quiet(now)
            case _:
                pass

    def _was_heard_lately(self, now: float) -> bool:
        """Then words that come are those of a sound we know of: recognisers take a moment."""
        return self._quiet_since is not None and now - self._quiet_since < self.rules.settle_s

    def _fell_quiet(self, at: float) -> None:
        self._deadlines.clear(_UNSAID)
        self._quiet_since = max(at, self._quiet_since or at)
        self._deadlines.set(_SILENCE, self._quiet_since + self._stage.silence_s)

    def _close_take(self, now: float, reason: str, goodbye: str, key_s: float = 0.0) -> None:
        """Keep what was said, thank the caller meanwhile; with an empty `goodbye` nobody is there to be thanked."""
        self._state, self._reason = "closing", reason
        self._deadlines.clear(_UNSAID, _SILENCE, _LONGEST)
        end = now - key_s
        if not self._is_voice and self._quiet_since is not None:
            end = min(end, self._quiet_since + self.rules.tail_s)
        self._out.append(EndTake(round(max(now - end, 0.0), 3)))
        has_come_to_rest = not self._is_voice and self._words.are_settled
        was_quiet_for_long = self._quiet_since is None or now - self._quiet_since >= self.rules.settle_s
        if goodbye:
            self._say(goodbye, now)
        if self._is_deaf or (has_come_to_rest and was_quiet_for_long):
            self._keep(now)
        else:
            self._deadlines.set(_SETTLE, now + self.rules.settle_s)

    def _keep(self, now: float) -> None:
        if self._is_kept:
            return
        self._is_kept = True
        self._deadlines.clear(_SETTLE)
        text = self._words.text
        self._out.append(KeepMessage(text, self._words.confidence, self._quiet_since is None and not text))
        self._end_if_done(now)

    def _end_if_done(self, now: float) -> None:
        if self._is_kept and not self._prompts.is_speaking:
            self._end(self._reason, now)


class Words:
    """What a recogniser made of a message so far."""

    def __init__(self) -> None:
        self._settled: list[str] = []
        self._confidences: list[float] = []
        self._open = ""

    def hear(self, fact: facts.WordsHeard) -> None:
        """Text that is not final stands for itself until the next comes."""
        text = fact.text.strip()
        self._open = "" if fact.is_final else text
        if fact.is_final and text:
            self._settled.append(text)
            self._confidences.append(fact.confidence)

    @property
    def are_settled(self) -> bool:
        return not self._open

    @property
    def text(self) -> str:
        return " ".join([*self._settled, self._open]).strip()

    @property
    def confidence(self) -> float:
        """The mean of what was settled, 0 to 1; 0 where nothing was."""
        return sum(self._confidences) / len(self._confidences) if self._confidences else 0.0
