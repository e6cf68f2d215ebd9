"""A short word in the agent's own voice while its answer is late, so that the line never sounds dead.

A filler is a line of its own in the answer's row: it is in the transcript as far as it was heard, and it is no answer.
It is forgotten unheard when the answer's first words come before its sound, and else the answer follows it.
"""

from __future__ import annotations

from parley.conversation import facts, lines
from parley.conversation.answering.speech import Active, SpeechSide
from parley.conversation.ledger import Row
from parley.conversation.shared import Shared
from parley.conversation.states import Agent
from parley.conversation.wishes import StopSpeech


class Fillers:
    """Looks, after every step, for an answer that is late. Owns the deadlines `filler` and `filler_sound`."""

    def __init__(self, shared: Shared, speech: SpeechSide) -> None:
        self._shared = shared
        self._rules = shared.rules
        self._deadlines = shared.deadlines
        self._speech = speech
        own = shared.agent.conduct.fillers
        self._texts = lines.fillers(shared.agent.language) if own is None else own
        self._last_text = ""
        self._row: Row | None = None  # the turn that fillers were said in last
        self._said = 0  # in that row
        self._is_given_up = False  # in that row: the voice hangs
        self._quiet_since = 0.0  # in that row, when the last of them was over

    def follow(self, fact: facts.AnyFact | None, now: float) -> Active | None:
        """Take back a filler without sound as soon as the answer needs the voice, or needs none; returns it, now over.

        `fact` is None where a deadline fell due.
        """
        filler = self._open_filler()
        if isinstance(fact, facts.SpeechEnded | facts.SpeechFailed):
            self._quiet_since = now
        if filler is None or filler.line.first_audio_at is not None:
            self._deadlines.clear("filler_sound")
        elif self._late_answer() is None:
            self._take_back(filler)
            self._bridge_again(filler.row, now)
            return filler
        elif self._speech.state is Agent.HELD:  # then nothing has a sound
            self._deadlines.clear("filler_sound")
        elif "filler_sound" not in self._deadlines:
            self._deadlines.set("filler_sound", now + self._rules.filler_sound_s)
        return None

    def rearm(self, now: float) -> None:
        """Wait for the moment at which the answer is late, while nothing but the answer is waited for."""
        answer = self._late_answer()
        if answer is None or self._open_filler() is not None or not self._may_speak() or not self._has_another(answer):
            self._deadlines.clear("filler")
            return
        due = (answer.row.endpointed_at or now) + self._rules.filler_s
        if answer.row is self._row:
            gap_s = self._rules.filler_again_s if self._said < 2 else self._rules.filler_later_s
            due = max(due, self._quiet_since + gap_s)
        self._deadlines.set("filler", max(due, now))

    def due(self, now: float) -> None:
        """The answer is late."""
        answer = self._late_answer()
        if answer is None or not self._may_speak() or not self._has_another(answer):
            return
        if answer.row is not self._row:
            self._row, self._said, self._is_given_up = answer.row, 0, False
        self._said += 1
        self._quiet_since = now
        self._last_text = self._next_text()
        self._shared.reasons.append("the answer is late")
        filler = self._speech.say_whole(answer.row, "filler", self._last_text)
        self._speech.active.remove(filler)
        self._speech.active.insert(self._speech.active.index(answer), filler)  # it is heard first
        self._deadlines.clear("bridge")

    def sound_due(self, now: float) -> Active | None:
        """The voice has not made a sound of it: then it is the voice that hangs, and the recording needs none.

        Returns the filler, now over.
        """
        filler = self._open_filler()
        if filler is None or filler.line.first_audio_at is not None:
            return None
        return self._replace(filler, now)

    def failed(self, fact: facts.SpeechFailed, now: float) -> Active | None:
        """The filler, now over, if that is what the voice could not say: nothing is lost, and nobody apologises."""
        filler = self._open_filler()
        if filler is None or filler.line.number != fact.reply:
            return None
        if filler.line.first_audio_at is None:
            return self._replace(filler, now)
        self._shared.out.append(StopSpeech(filler.line.number))
        return filler

    def _replace(self, filler: Active, now: float) -> Active:
        """The recording says it instead, and no other filler is tried in this turn."""
        self._take_back(filler)
        self._is_given_up = True
        if self._speech.state is Agent.THINKING:
            self._shared.reasons.append("the voice is silent")
            self._speech.play_clip(filler.row, "one_moment", now)
        return filler

    # ------------------------------------------------------------ what it looks at

    def _late_answer(self) -> Active | None:
        """The answer that was asked for and of which there is not a word yet."""
        for active in self._speech.active:
            if active.is_asked and not active.has_words and not active.line.is_complete and active.leave is None:
                return active
        return None

    def _open_filler(self) -> Active | None:
        return next((active for active in self._speech.active if active.line.kind == "filler"), None)

    def _may_speak(self) -> bool:
        caller, tally = self._shared.caller, self._shared.tally
        is_quiet = not caller.is_sounding and not caller.text
        can_be_heard = not tally.carrier_lost and not tally.is_mute
        return self._speech.state is Agent.THINKING and is_quiet and can_be_heard

    def _has_another(self, answer: Active) -> bool:
        if answer.row is not self._row:
            return bool(self._texts)
        return not self._is_given_up and self._next_text() != self._last_text

    def _next_text(self) -> str:
        """The one after the last in the list: never the same twice in a row, where there is more than one."""
        if self._last_text not in self._texts:
            return self._texts[0] if self._texts else ""
        return self._texts[(self._texts.index(self._last_text) + 1) % len(self._texts)]

    def _take_back(self, filler: Active) -> None:
        """Nobody heard any of it, so it was never said."""
        self._shared.out.append(StopSpeech(filler.line.number))
        filler.row.lines.remove(filler.line)
        self._deadlines.clear("filler_sound")

    def _bridge_again(self, row: Row, now: float) -> None:
        """The answer has words, and the voice may be what hangs: the recording waits for it as for any answer."""
        if any(one.is_asked and one.row is row and one.line.first_audio_at is None for one in self._speech.active):
            self._deadlines.set("bridge", now + self._rules.voice_patience_s)
