"""Asking a caller who fell silent whether they are still there, and ending a call nobody speaks on."""

from __future__ import annotations

from parley.conversation import facts, lines
from parley.conversation.answering.answers import Answers
from parley.conversation.answering.speech import SpeechSide
from parley.conversation.shared import Shared
from parley.conversation.states import Agent, Caller
from parley.conversation.wishes import EndCall
from parley.conversation.words import word_set, words_of

_MOST_WORDS = 12


def _phrases(joined: str) -> tuple[str, ...]:
    return tuple(joined.split("|"))


# How callers ask the agent to wait, by language; as words in a row, anywhere in a short sentence.
_WAITS: dict[str, tuple[str, ...]] = {
    "en": _phrases(
        "hold on|hang on|one moment|just a moment|give me a moment|a moment please|one second|just a second|one sec"
        "|just a sec|give me a second|give me a sec|one minute|just a minute|give me a minute|bear with me"
        "|wait a moment|wait a second|wait a minute|wait a sec|let me check|let me look|let me see|let me find"
        "|let me get|let me grab|please wait|please hold|i'll be right back|be right back"
    ),
    "es": _phrases(
        "un momento|un momentito|un segundo|un segundito|un minuto|espere|espera|déjeme ver|déjame ver|no cuelgue"
    ),
    "fr": _phrases(
        "un instant|un moment|une seconde|une petite seconde|une minute|attendez|ne quittez pas|patientez"
        "|je regarde|laissez-moi voir"
    ),
    "de": _phrases(
        "einen moment|moment bitte|moment mal|einen augenblick|augenblick bitte|eine sekunde|eine minute|sekunde bitte"
        "|warten sie|warte mal|bleiben sie dran|ich schaue|ich schau mal|ich muss kurz|ich hole"
    ),
    "it": _phrases("un momento|un attimo|un secondo|un minuto|aspetti|aspetta|attenda|mi faccia vedere"),
    "pt": _phrases("um momento|um momentinho|um instante|um segundo|um minuto|espere|espera|aguarde|deixe-me ver"),
    "nl": _phrases(
        "een moment|een ogenblik|moment alstublieft|een seconde|een minuut|wacht even|even wachten|even kijken"
    ),
    "ja": _phrases("ちょっと待って|少々お待ち|少し待って|お待ちください"),
    "hi": _phrases("एक मिनट|एक सेकंड|एक क्षण|रुकिए"),
}
_WITHOUT_SPACES = ("ja",)
# Whoever takes these words back does not ask to wait.
_NOT = word_set("don't not never no nicht kein")


def asks_to_wait(text: str, language: str) -> bool:
    """Whether a caller asks for time: a short sentence with "hold on", "einen Moment" or the like in it.

    English counts in every language, for it is said in every one. A long sentence says something of its own.
    """
    tag = language.split("-")[0].lower()
    if tag in _WITHOUT_SPACES:
        return any(phrase in text for phrase in _WAITS[tag]) and len(text) <= 3 * _MOST_WORDS
    words = words_of(text)
    if not 0 < len(words) <= _MOST_WORDS or text.rstrip().endswith("?"):
        return False
    said = f" {' '.join(words)} "
    for phrase in (*_WAITS.get(tag, ()), *_WAITS["en"]):
        before, found, _ = said.partition(f" {phrase} ")
        if found and not _NOT.intersection(before.split()[-1:]):
            return True
    return False


class CheckIns:
    """Owns the deadline `silence`. Who shows any sign of life, a sound or a key, is asked from the beginning again."""

    def __init__(self, shared: Shared, speech: SpeechSide, answers: Answers) -> None:
        self._shared = shared
        self._agent = shared.agent
        self._rules = shared.rules
        self._tally = shared.tally
        self._deadlines = shared.deadlines
        self._speech = speech
        self._answers = answers
        self._agent_heard_at = float("-inf")

    def follow(self, fact: facts.AnyFact | None, now: float) -> None:
        """Take one step; `fact` is None where a deadline fell due."""
        match fact:
            case facts.SpeechHeard() | facts.SpeechEnded():
                self._agent_heard_at = now
            case facts.VoiceStarted() if self._speech.state is Agent.LISTENING:
                if now - fact.ago_s - self._agent_heard_at > self._rules.echo_tail_s:
                    self._tally.check_ins = 0
            case facts.KeyPressed():
                self._tally.check_ins = 0
                self._deadlines.clear("silence")

    def rearm(self, now: float) -> None:
        """Wait while both are silent, and the agent owes nothing."""
        is_quiet = self._shared.caller.state is Caller.SILENT and "keys" not in self._deadlines
        if self._speech.state is not Agent.LISTENING or not is_quiet or self._tally.connected_at is None:
            self._deadlines.clear("silence")
        elif "silence" not in self._deadlines:
            self._deadlines.set("silence", now + self._patience_s())

    def due(self, now: float) -> None:
        """Ask, each time in other words; whoever never answers is taken leave of."""
        asked, language = self._tally.check_ins, self._agent.language
        if asked < self._rules.check_ins:
            self._tally.check_ins += 1
            self._answers.say(lines.check_in(language, asked), now)
        else:
            self._answers.say(lines.silence_goodbye(language), now, leave=EndCall("silence"))

    def _patience_s(self) -> float:
        usual_s = self._agent.silence_check_in_s
        said = next((row.caller for row in reversed(self._shared.ledger.rows) if row.caller), "")
        if self._tally.check_ins or not asks_to_wait(said, self._agent.language):
            return usual_s
        self._shared.reasons.append("the caller asked to wait")
        return max(usual_s, self._rules.asked_patience_s)
