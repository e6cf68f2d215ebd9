"""Voice of the caller that no words came of: speech that the recogniser does not hear, or noise.

Nobody here can tell one from the other. So the next recogniser is asked for its opinion, beside the one in use: if it
hears words it takes over, else both agree that it was noise, and for a while neither is asked about more of it.
"""

from __future__ import annotations

from parley.conversation import facts
from parley.conversation.answering.speech import SpeechSide
from parley.conversation.shared import Shared
from parley.conversation.states import Agent
from parley.conversation.wishes import ReplacePart

# Sounds that lie further apart are not one attempt to say something.
_FORGOTTEN_AFTER_S = 10.0
_LONGEST_REST_S = 60.0


class Unheard:
    """Watches the caller's voice against the words that come of it. `note` is told every fact."""

    def __init__(self, shared: Shared, speech: SpeechSide) -> None:
        self._shared = shared
        self._rules = shared.rules
        self._deadlines = shared.deadlines
        self._speech = speech
        self._most_asked = 1 + len(shared.agent.spare_listens)
        self._since: float | None = None  # the caller is making voice that began then, or whose last word came then
        self._voice_s = 0.0  # before that, since the last word
        self._ended_at = float("-inf")
        self._asked = 0  # recognisers, about this voice
        self._rests = (0, float("-inf"))  # how often all agreed that it was noise, and until when none is asked again

    def note(self, fact: facts.AnyFact, now: float) -> None:
        if isinstance(fact, facts.VoiceStarted):
            self._began(now - fact.ago_s, now)
        elif isinstance(fact, facts.VoiceStopped):
            self._ended(now - fact.ago_s, now)
        elif (
            isinstance(fact, facts.UtteranceEnded)
            or (isinstance(fact, facts.WordsHeard) and fact.text.strip())
            or (isinstance(fact, facts.PartReplaced) and fact.part == "speech_to_text")
        ):
            self._understood(now)

    def due(self, now: float) -> None:
        """No words came in time: wish for another recogniser, and while none shows any life, for the one after it."""
        if self._shared.tally.carrier_lost:
            self._since = None  # nobody hears the caller, and it is not the recogniser's fault
            self._forget(now)
        if (self._since is None and not self._voice_s) or self._speech.state in (Agent.LEAVING, Agent.GONE):
            return
        if self._asked == 0 or self._shared.tally.is_hearing_lost:
            self._shared.out.append(ReplacePart("speech_to_text", "no_words"))
            self._asked += 1
            if self._asked <= self._most_asked:
                self._deadlines.set("unheard", now + self._rules.unheard_again_s)
                return
        rests = self._rests[0]
        self._rests = (rests + 1, now + min(self._rules.unheard_rest_s * 2**rests, _LONGEST_REST_S))
        self._forget(now)

    def _began(self, began_at: float, now: float) -> None:
        if self._since is not None:
            return
        if began_at - self._ended_at > _FORGOTTEN_AFTER_S:
            self._voice_s = 0.0
        self._since = began_at
        if not self._asked:
            due = max(now, began_at + self._rules.unheard_limit_s - self._voice_s, self._rests[1])
            self._deadlines.set("unheard", due)

    def _ended(self, ended_at: float, now: float) -> None:
        if self._since is None:
            return
        self._voice_s += max(0.0, ended_at - self._since)
        self._since, self._ended_at = None, ended_at
        if self._asked:
            return
        if self._voice_s < self._rules.unheard_voice_s or now < self._rests[1]:
            self._deadlines.clear("unheard")
        else:
            self._deadlines.set("unheard", max(now, ended_at + self._rules.unheard_after_s))

    def _understood(self, now: float) -> None:
        self._rests = (0, float("-inf"))
        self._forget(now)

    def _forget(self, now: float) -> None:
        """Begin anew, with the voice that is being made now."""
        self._voice_s, self._asked = 0.0, 0
        self._deadlines.clear("unheard")
        if self._since is not None:
            self._since = now
            self._deadlines.set("unheard", max(now + self._rules.unheard_limit_s, self._rests[1]))
