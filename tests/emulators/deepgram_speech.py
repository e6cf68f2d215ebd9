"""What Deepgram says about a stream of audio: messages of both protocols, from marked words. No socket, no clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol, get_args

from parley.audio.formats import AudioFormat, Encoding
from parley.audio.word_listener import GapReached, PauseReached, SoundBegan, WordListener, WordSaid

Json = dict[str, Any]
REQUEST_ID = "5f0a1b6e-0000-4000-8000-00000000d6d6"
_ENCODINGS = {"linear16": "pcm_s16le", "mulaw": "mulaw", "alaw": "alaw"}
_LANGUAGES = {"multi", "en", "en-US", "en-GB", "en-AU", "en-IN", "de", "de-CH", "es", "es-419", "fr", "fr-CA", "pt-BR"}
_SEGMENT_MS = 4000.0  # a talker who never pauses has his words settled this often
_SILENCE_MS = 5000.0  # so often silence is told to be silence
_EAGER_MS = 160.0
_UPDATE_MS = 250.0
CONFIDENCE = 0.98


class Speech(Protocol):
    """One stream: audio in, messages out."""

    def greet(self) -> list[Json]: ...
    def hear(self, audio: bytes) -> list[Json]: ...
    def control(self, message: Json) -> list[Json]: ...
    def farewell(self) -> list[Json]: ...


class BadQuery(Exception):
    """The real one answers 400 before the socket opens."""


def audio_format(query: Mapping[str, str]) -> AudioFormat:
    encoding = _ENCODINGS.get(query.get("encoding", ""))
    if encoding not in get_args(Encoding) or not query.get("sample_rate", "").isdigit():
        raise BadQuery("encoding and sample_rate are needed for raw audio")
    return AudioFormat(encoding, int(query["sample_rate"]))  # type: ignore[arg-type]


def _milliseconds(text: str | None, default: float | None) -> float | None:
    if text is None:
        return default
    return None if text == "false" else float(text)


class NovaSpeech:
    """`/v1/listen`. `late_twins`: every end of speech is told twice, first without and then with `speech_final`."""

    def __init__(self, query: Mapping[str, str], lines: Iterable[str], late_twins: bool = False) -> None:
        if not query.get("model", "").startswith("nova") or query.get("language", "en") not in _LANGUAGES:
            raise BadQuery("No such model/language/tier combination found.")
        interim = query.get("interim_results") == "true"
        gap_ms = _milliseconds(query.get("utterance_end_ms"), None)
        if gap_ms is not None and (gap_ms < 1000 or not interim):
            raise BadQuery("utterance_end_ms needs interim_results and at least 1000")
        self._listener = WordListener(
            audio_format(query), pause_ms=_milliseconds(query.get("endpointing"), 10.0), gap_ms=gap_ms, lines=lines
        )
        self._interim = interim
        self._vad_events = query.get("vad_events") == "true"
        self._late_twins = late_twins
        self._words: list[WordSaid] = []
        self._segment_ms = 0.0

    def greet(self) -> list[Json]:
        return []

    def hear(self, audio: bytes) -> list[Json]:
        return [message for piece in self._listener.steps(audio) for message in self._hear(piece)]

    def _hear(self, audio: bytes) -> list[Json]:
        messages: list[Json] = []
        for event in self._listener.feed(audio):
            match event:
                case SoundBegan(at_ms) if self._vad_events:
                    messages.append({"type": "SpeechStarted", "channel": [0], "timestamp": _s(at_ms)})
                case WordSaid():
                    messages += self._word(event)
                case PauseReached(at_ms):
                    messages += self._pause(at_ms)
                case GapReached(_, last_word_ms):
                    messages.append({"type": "UtteranceEnd", "channel": [0, 1], "last_word_end": _s(last_word_ms)})
        if not self._words and self._listener.heard_ms - self._segment_ms >= _SILENCE_MS:
            messages.append(self._results(self._listener.heard_ms, is_final=True))
        return messages

    def control(self, message: Json) -> list[Json]:
        if message.get("type") == "Finalize":
            return [self._results(self._listener.heard_ms, is_final=True, speech_final=True, from_finalize=True)]
        if message.get("type") == "KeepAlive":
            return []
        return [{"type": "Error", "variant": "SchemaError", "description": "Could not deserialize.", "message": ""}]

    def farewell(self) -> list[Json]:
        last = self._results(self._listener.heard_ms, is_final=True, from_finalize=True)
        metadata = {
            "type": "Metadata",
            "transaction_key": "deprecated",
            "request_id": REQUEST_ID,
            "sha256": "0" * 64,
            "created": "2026-11-01T12:00:00.000Z",
            "duration": _s(self._listener.heard_ms),
            "channels": 1,
        }
        return [last, metadata]

    def _word(self, word: WordSaid) -> list[Json]:
        messages = []
        if self._words and word.end_ms - self._segment_ms >= _SEGMENT_MS:
            messages.append(self._results(self._words[-1].end_ms, is_final=True))
        self._words.append(word)
        if self._interim:
            messages.append(self._results(word.end_ms))
        return messages

    def _pause(self, at_ms: float) -> list[Json]:
        if not self._late_twins:
            return [self._results(at_ms, is_final=True, speech_final=True)]
        start_ms, words = self._segment_ms, list(self._words)
        first = self._results(at_ms, is_final=True)
        self._segment_ms, self._words = start_ms, words
        return [first, self._results(at_ms, is_final=True, speech_final=True)]

    def _results(
        self, end_ms: float, *, is_final: bool = False, speech_final: bool = False, from_finalize: bool = False
    ) -> Json:
        """The present segment up to `end_ms`; a final one ends it."""
        message: Json = {
            "type": "Results",
            "channel_index": [0, 1],
            "duration": round(_s(end_ms) - _s(self._segment_ms), 5),
            "start": _s(self._segment_ms),
            "is_final": is_final,
            "speech_final": speech_final,
            "channel": {
                "alternatives": [
                    {
                        "transcript": " ".join(word.word for word in self._words),
                        "confidence": CONFIDENCE if self._words else 0.0,
                        "words": [_word(word) | {"punctuated_word": word.word} for word in self._words],
                    }
                ]
            },
            "metadata": {
                "request_id": REQUEST_ID,
                "model_info": {"name": "general-nova-3", "version": "2026-01-01.0", "arch": "nova-3"},
                "model_uuid": REQUEST_ID,
            },
            "from_finalize": from_finalize,
        }
        if is_final:
            self._segment_ms, self._words = end_ms, []
        return message


class FluxSpeech:
    """`/v2/listen`. A turn ends after `turn_pause_ms` of quiet; an eager end comes earlier, if it was asked for."""

    def __init__(self, query: Mapping[str, str], lines: Iterable[str], turn_pause_ms: float = 300.0) -> None:
        if not query.get("model", "").startswith("flux-general-"):
            raise BadQuery("unknown model")
        self._eager = "eager_eot_threshold" in query
        self._listener = WordListener(
            audio_format(query), pause_ms=_EAGER_MS if self._eager else turn_pause_ms, gap_ms=None, lines=lines
        )
        self._turn_pause_ms = turn_pause_ms
        self._words: list[WordSaid] = []
        self._eager_at_ms: float | None = None
        self._turn = self._sequence = 0
        self._turn_start_ms = self._updated_ms = 0.0

    def greet(self) -> list[Json]:
        return [{"type": "Connected", "request_id": REQUEST_ID, "sequence_id": self._next_sequence()}]

    def hear(self, audio: bytes) -> list[Json]:
        return [message for piece in self._listener.steps(audio) for message in self._hear(piece)]

    def _hear(self, audio: bytes) -> list[Json]:
        messages: list[Json] = []
        for event in self._listener.feed(audio):
            match event:
                case WordSaid():
                    messages += self._word(event)
                case PauseReached(at_ms) if self._words:
                    messages += self._pause(at_ms)
        messages += self._end_after_eager()
        if self._listener.heard_ms - self._updated_ms >= _UPDATE_MS:
            messages.append(self._info("Update"))
        return messages

    def control(self, message: Json) -> list[Json]:
        if message.get("type") == "ForceEndTurn" and self._words:
            return [self._end("manual")]
        if message.get("type") in ("Configure", "ForceEndTurn"):
            return []
        return [{"type": "Error", "sequence_id": self._next_sequence(), "code": "UNPARSABLE", "description": "No."}]

    def farewell(self) -> list[Json]:
        return []

    def _word(self, word: WordSaid) -> list[Json]:
        event = "Update" if self._words else "StartOfTurn"
        if self._eager_at_ms is not None:
            event, self._eager_at_ms = "TurnResumed", None
        self._words.append(word)
        return [self._info(event)]

    def _pause(self, at_ms: float) -> list[Json]:
        if not self._eager:
            return [self._end("model")]
        self._eager_at_ms = at_ms
        return [self._info("EagerEndOfTurn", 0.5)]

    def _end_after_eager(self) -> list[Json]:
        waited_ms = self._turn_pause_ms - _EAGER_MS
        if self._eager_at_ms is None or self._listener.heard_ms - self._eager_at_ms < waited_ms:
            return []
        return [self._end("model")]

    def _end(self, trigger: str) -> Json:
        message = self._info("EndOfTurn", 0.9) | {"trigger": trigger}
        self._words, self._eager_at_ms = [], None
        self._turn += 1
        self._turn_start_ms = self._listener.heard_ms
        return message

    def _info(self, event: str, end_of_turn_confidence: float = 0.05) -> Json:
        self._updated_ms = self._listener.heard_ms
        return {
            "type": "TurnInfo",
            "request_id": REQUEST_ID,
            "sequence_id": self._next_sequence(),
            "event": event,
            "turn_index": self._turn,
            "audio_window_start": _s(self._turn_start_ms),
            "audio_window_end": _s(self._listener.heard_ms),
            "transcript": " ".join(word.word for word in self._words),
            "words": [_word(word) for word in self._words],
            "end_of_turn_confidence": end_of_turn_confidence,
        }

    def _next_sequence(self) -> int:
        self._sequence += 1
        return self._sequence - 1


def _word(said: WordSaid) -> Json:
    return {"word": said.word, "start": _s(said.start_ms), "end": _s(said.end_ms), "confidence": CONFIDENCE}


def _s(milliseconds: float) -> float:
    return round(milliseconds / 1000, 5)
