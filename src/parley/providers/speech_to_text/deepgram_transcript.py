"""From Deepgram's messages to facts: what was said, what is settled, where a turn ended. No socket, no clock.

Places in the caller's audio are byte positions in our own count of all audio heard, so that they keep their meaning
when a stream breaks and another begins. What lies before `settled` was told for good: a new stream starts from there.
"""

from __future__ import annotations

from typing import Protocol

from parley.audio.formats import AudioFormat
from parley.conversation.facts import UtteranceEnded, VoiceStarted, WordsHeard
from parley.providers.protocols import HearingFact
from parley.providers.speech_to_text.deepgram_wire import (
    Alternative,
    Message,
    Results,
    SpeechStarted,
    TurnInfo,
    UtteranceEnd,
    Word,
)

_LONGEST_S = 86_400.0  # no stream is longer, whatever a server says of its times
_FRESH_S = 1.5  # voice that began longer ago is no news: it is heard again after a reconnect
_TWIN_S = 3.0  # how late the second telling of the same words may come
_ROUNDING_S = 0.02
_ARRIVAL_MARGIN_S = 0.3
_ONSET_S = 1.0  # audio kept before the present while nobody has begun to speak
_TAIL_WORDS = 64


class Transcript(Protocol):
    """Reads one call's messages, over as many streams as it takes."""

    @property
    def settled(self) -> int:
        """Words that ended before this position were told as final and are never told again."""
        ...

    def begin(self, position: int) -> None:
        """A new stream begins, whose first audio lies at `position`."""
        ...

    def insert(self, byte_count: int) -> None:
        """The stream was given this much audio that is not the caller's."""
        ...

    def read(self, message: Message, sent: int) -> list[HearingFact]:
        """What the message says; `sent` is the position up to which audio has been sent."""
        ...

    def nobody_spoke(self) -> list[HearingFact]:
        """The present stream was given no voice for a while; end what an earlier one had no time to end."""
        ...


class _StreamClock:
    """Turns seconds of the present stream into positions in the caller's audio."""

    def __init__(self, audio: AudioFormat) -> None:
        self.bytes_per_second = audio.bytes_per_second
        self._bytes_per_sample = audio.bytes_per_sample
        self._base = 0

    def begin(self, position: int) -> None:
        self._base = position

    def insert(self, byte_count: int) -> None:
        self._base -= byte_count

    def position(self, stream_s: float) -> int:
        seconds = min(max(0.0, stream_s), _LONGEST_S)
        samples = int(seconds * self.bytes_per_second / self._bytes_per_sample + 0.5)
        return self._base + samples * self._bytes_per_sample

    def span(self, seconds: float) -> int:
        return int(seconds * self.bytes_per_second)


class NovaTranscript:
    """v1: text comes in segments; a pause marks the last one of a turn.

    The same words can come twice: as final, and again in a late twin that only adds "and here the speaker paused". The
    twin's words are dropped and its pause kept, once.
    """

    def __init__(self, audio: AudioFormat) -> None:
        self.settled = 0
        self._clock = _StreamClock(audio)
        self._open = False  # final words were told whose turn has not ended
        self._guess = ""  # the interim words last told, if nothing has replaced them
        self._tail: tuple[str, ...] = ()  # the last words told as final
        self._tail_sent = 0
        self._times_move = True
        self._inherited = False  # the open words come from an earlier stream: this one cannot know of their pause

    def begin(self, position: int) -> None:
        self._clock.begin(position)
        self._inherited = self._open

    def insert(self, byte_count: int) -> None:
        self._clock.insert(byte_count)

    def read(self, message: Message, sent: int) -> list[HearingFact]:
        match message:
            case Results(is_final=True):
                return self._final(message, sent)
            case Results():
                return self._interim(message.best)
            case SpeechStarted(timestamp):
                return _voice_started(self._clock, timestamp, sent)
            case UtteranceEnd() if self._open:
                self._open = False
                return [UtteranceEnded()]
        return []

    def nobody_spoke(self) -> list[HearingFact]:
        if not (self._open and self._inherited):
            return []
        self._open = self._inherited = False
        return [UtteranceEnded()]

    def _interim(self, best: Alternative) -> list[HearingFact]:
        text = best.transcript.strip()
        if not text or text == self._guess:
            return []
        self._guess, self._inherited = text, False
        return [WordsHeard(text, confidence=_confidence(best.confidence))]

    def _final(self, results: Results, sent: int) -> list[HearingFact]:
        text = self._new_text(results, sent)
        self._settle(self._clock.position(results.start + results.duration), sent, has_new_words=bool(text))
        ends_turn = bool(results.speech_final)
        had_interim, self._guess = bool(self._guess), ""
        if text:
            self._open, self._inherited = not ends_turn, False
            return [WordsHeard(text, True, ends_turn, confidence=_confidence(results.best.confidence))]
        if ends_turn and self._open:
            self._open = False
            return [UtteranceEnded()]
        return [WordsHeard("", is_final=True)] if had_interim else []

    def _new_text(self, results: Results, sent: int) -> str:
        """The text without the words at its beginning that were told before."""
        text = results.best.transcript.strip()
        words = results.best.words or tuple(Word(word, end=results.start + results.duration) for word in text.split())
        known = self._words_known(words, sent)
        if known:
            text = " ".join(word.written for word in words[known:])
        if text:
            spoken = tuple(_plain(word.written) for word in words)
            self._tail, self._tail_sent = (self._tail + spoken[known:])[-_TAIL_WORDS:], sent
        return text

    def _words_known(self, words: tuple[Word, ...], sent: int) -> int:
        if sent - self._tail_sent > self._clock.span(_TWIN_S):
            return 0
        settled = self.settled + self._clock.span(_ROUNDING_S)
        for count in range(min(len(words), len(self._tail)), 0, -1):
            spoken = tuple(_plain(word.written) for word in words[:count])
            if spoken == self._tail[-count:] and self._clock.position(words[count - 1].end) <= settled:
                return count
        return 0

    def _settle(self, end: int, sent: int, *, has_new_words: bool) -> None:
        """A server whose times stand still is believed no longer; then what was sent a moment ago counts as settled."""
        if has_new_words and end <= self.settled:
            self._times_move = False
        reached = end if self._times_move else sent - self._clock.span(_ARRIVAL_MARGIN_S)
        self.settled = max(self.settled, min(reached, sent))


class FluxTranscript:
    """v2: every message repeats the whole turn so far, and the model itself says when the turn is over.

    Where it was asked to, it also says when the turn is probably over, and takes that back if the caller goes on: the
    same words are then told anew.
    """

    def __init__(self, audio: AudioFormat) -> None:
        self.settled = 0
        self._clock = _StreamClock(audio)
        self._told = ""

    def begin(self, position: int) -> None:
        self._clock.begin(position)

    def insert(self, byte_count: int) -> None:
        self._clock.insert(byte_count)

    def read(self, message: Message, sent: int) -> list[HearingFact]:
        if not isinstance(message, TurnInfo):
            return []
        text = message.transcript.strip()
        if message.event == "EndOfTurn":
            return self._end(message, text, sent)
        facts: list[HearingFact] = []
        if message.event == "StartOfTurn":
            facts += _turn_started(self._clock, message, sent)
        elif not text and message.audio_window_end is not None:
            self._settle(self._clock.position(message.audio_window_end) - self._clock.span(_ONSET_S), sent)
        may_end = message.event == "EagerEndOfTurn"
        if text and (text != self._told or may_end or message.event == "TurnResumed"):
            self._told = text
            facts.append(WordsHeard(text, confidence=_mean_confidence(message.words), may_end_turn=may_end))
        return facts

    def nobody_spoke(self) -> list[HearingFact]:
        return []

    def _end(self, turn: TurnInfo, text: str, sent: int) -> list[HearingFact]:
        self._told = ""
        end = sent if turn.audio_window_end is None else self._clock.position(turn.audio_window_end)
        self._settle(end, sent)
        if not text:
            return []
        return [WordsHeard(text, True, True, True, _mean_confidence(turn.words))]

    def _settle(self, end: int, sent: int) -> None:
        self.settled = max(self.settled, min(end, sent))


def _voice_started(clock: _StreamClock, stream_s: float | None, sent: int) -> list[HearingFact]:
    if stream_s is None:
        return [VoiceStarted()]
    ago = max(sent - clock.position(stream_s), 0)
    return [VoiceStarted(round(ago / clock.bytes_per_second, 3))] if ago <= clock.span(_FRESH_S) else []


def _turn_started(clock: _StreamClock, turn: TurnInfo, sent: int) -> list[HearingFact]:
    """The voice began with the turn's first word, if that has a time."""
    first = turn.words[0].start if turn.words else 0.0
    return _voice_started(clock, first or turn.audio_window_end, sent)


def _plain(word: str) -> str:
    """A word as it is compared: formatting may change between two tellings."""
    return "".join(filter(str.isalnum, word.casefold())) or word


def _confidence(given: float | None) -> float:
    return 1.0 if given is None else min(max(given, 0.0), 1.0)


def _mean_confidence(words: tuple[Word, ...] | None) -> float:
    given = [word.confidence for word in words or () if word.confidence is not None]
    return _confidence(sum(given) / len(given) if given else None)
