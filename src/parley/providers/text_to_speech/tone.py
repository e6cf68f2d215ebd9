"""The voice that is always there: two soft notes a word. Nobody understands it, but all else can be tried with it.

It takes as long as speech, says exactly when each character has ended, and carries its words as marks that a simulated
phone can hear (`parley.audio.watermark`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from zlib import crc32

import numpy as np

from parley.audio.formats import AudioFormat
from parley.audio.tones import render, sine
from parley.domain.agents import VoiceChoice
from parley.domain.secrets import Secret
from parley.providers.protocols import VoiceFact
from parley.providers.text_to_speech.piecewise import PiecewiseVoice, Speech
from parley.providers.text_to_speech.word_times import char_ends_ms, mark_words, timed_words

_NOTES_HZ = (329.6, 392.0, 440.0, 523.3, 587.3)  # pentatonic: any two of them sound well together
_LEVEL = 0.2
_MS_A_CHAR = 60.0
_SHORTEST_MS, _LONGEST_MS = 140.0, 900.0
_GAP_MS = 50.0
_PAUSE_MS = 250.0  # after a sentence


class Tone:
    """Makes tone voices. `speed` is heeded; model, voice and language have no meaning here, and no key is needed."""

    def speak(
        self, choice: VoiceChoice, audio: AudioFormat, key: Secret, emit: Callable[[VoiceFact], None]
    ) -> PiecewiseVoice:
        return PiecewiseVoice(partial(_speech, audio, min(max(choice.speed, 0.5), 2.0)), emit)

    async def aclose(self) -> None:
        """Nothing is held open."""


async def _speech(audio_format: AudioFormat, speed: float, text: str) -> Speech:
    audio, starts = bytearray(), []
    place = 0
    for word in text.split():
        place = text.index(word, place)
        starts.append((place, audio_format.duration_ms(len(audio))))
        place += len(word)
        sound_ms = min(max(len(word) * _MS_A_CHAR, _SHORTEST_MS), _LONGEST_MS) / speed
        audio += _word_sound(crc32(word.encode()) % 20, round(sound_ms), audio_format)
        audio += _silence(_PAUSE_MS if word[-1] in ".!?…。！？" else _GAP_MS, audio_format)
    words = timed_words(text, starts, audio_format.duration_ms(len(audio)))
    return Speech(mark_words(bytes(audio), audio_format, words), char_ends_ms(text, words))


def _silence(duration_ms: float, audio_format: AudioFormat) -> bytes:
    size = audio_format.bytes_in(duration_ms)
    return audio_format.silence_byte * size


@lru_cache(maxsize=512)
def _word_sound(pair: int, duration_ms: int, audio_format: AudioFormat) -> bytes:
    """One of the twenty ordered pairs of different notes."""
    first, step = divmod(pair, 4)
    rate = audio_format.sample_rate_hz
    low = sine(_NOTES_HZ[first], duration_ms / 2, rate)
    high = sine(_NOTES_HZ[(first + 1 + step) % 5], duration_ms / 2, rate)
    return render(_LEVEL * np.concatenate((low, high)), audio_format)
