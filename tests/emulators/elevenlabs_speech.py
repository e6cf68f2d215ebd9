"""What the emulated ElevenLabs says: marked voice-like audio with the times of its characters, made once a text."""

from __future__ import annotations

import base64
import json
from functools import lru_cache
from typing import Any, NamedTuple

from parley.audio.conversion import convert
from parley.audio.formats import MULAW_8K, AudioFormat
from parley.audio.watermark import WatermarkReader, speak

CHARS_PER_S = 15.0


class Speech(NamedTuple):
    """mu-law audio, and for each character of the text when it starts and how long it lasts (ms)."""

    audio: bytes
    chars: list[str]
    start_ms: list[float]
    duration_ms: list[float]


@lru_cache(maxsize=1024)
def speech(text: str) -> Speech:
    """`text` at about 15 characters a second; each word is marked in the audio where it ends."""
    words = text.split()
    audio = speak(text, words_per_s=CHARS_PER_S * len(words) / max(1, len(text)))
    ends = [mark.end / 8.0 for mark in WatermarkReader().read(audio)]
    chars: list[str] = []
    starts: list[float] = []
    durations: list[float] = []
    begin = 0.0
    for word, end in zip(words, ends, strict=True):
        share = (end - begin) / len(word)
        chars += [*word, " "]
        starts += [begin + share * index for index in range(len(word))] + [end]
        durations += [share] * len(word) + [50.0]
        begin = end + 50.0
    return Speech(audio, chars, starts, durations)


class Chunk(NamedTuple):
    """A stretch of a speech: base64 audio in the wanted format, and its own characters with times from its start."""

    audio: str
    duration_s: float
    chars: list[str]
    start_ms: list[int]
    duration_ms: list[int]

    def as_message(self, context: str, *, snake_case: bool, aligned: bool) -> str:
        names = ("char_start_times_ms", "char_durations_ms") if snake_case else ("charStartTimesMs", "charDurationsMs")
        alignment = {"chars": self.chars, names[0]: self.start_ms, names[1]: self.duration_ms} if aligned else None
        body: dict[str, Any] = {
            "audio": self.audio,
            "isFinal" if not snake_case else "is_final": None,
            "normalizedAlignment" if not snake_case else "normalized_alignment": alignment,
            "alignment": alignment,
            "contextId" if not snake_case else "context_id": context,
        }
        return json.dumps(body)

    def as_line(self) -> str:
        """As `stream/with-timestamps` spells it."""
        ends = [start + duration for start, duration in zip(self.start_ms, self.duration_ms, strict=True)]
        alignment = {
            "characters": self.chars,
            "character_start_times_seconds": [start / 1000 for start in self.start_ms],
            "character_end_times_seconds": [end / 1000 for end in ends],
        }
        return json.dumps({"audio_base64": self.audio, "alignment": alignment, "normalized_alignment": alignment})


def audio_format(name: str) -> AudioFormat:
    """`ulaw_8000`, `alaw_8000`, `pcm_16000` and the like."""
    encoding, rate = name.split("_")[:2]
    return AudioFormat({"ulaw": "mulaw", "alaw": "alaw", "pcm": "pcm_s16le"}[encoding], int(rate))  # type: ignore[arg-type]


@lru_cache(maxsize=1024)
def chunks(text: str, chunk_ms: int, format_name: str) -> tuple[Chunk, ...]:
    """The speech of `text` cut into pieces of `chunk_ms`."""
    said = speech(text)
    size = chunk_ms * 8
    pieces = []
    for begin in range(0, len(said.audio), size):
        audio = said.audio[begin : begin + size]
        inside = [i for i, start in enumerate(said.start_ms) if begin / 8 <= start < (begin + size) / 8]
        if begin + size >= len(said.audio):
            inside = [i for i, start in enumerate(said.start_ms) if start >= begin / 8]
        pieces.append(
            Chunk(
                base64.b64encode(convert(audio, MULAW_8K, audio_format(format_name))).decode(),
                len(audio) / 8000,
                [said.chars[i] for i in inside],
                [round(said.start_ms[i] - begin / 8) for i in inside],
                [round(said.duration_ms[i]) for i in inside],
            )
        )
    return tuple(pieces)
