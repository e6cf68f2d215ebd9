"""Record the sentences parley plays when no voice can be reached: `python -m tools.record_clips`.

Needs the extra `speech`. Writes `src/parley/live/clips/*.ulaw` (8 kHz mu-law), loud as a telephone talker, with their
words marked (`parley.audio.watermark`) so that a simulated phone can tell that it heard them. To use a human voice
instead, put recordings of the same sentences in their place; nothing else depends on how they were made.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from parley.audio.conversion import convert
from parley.audio.formats import MULAW_8K, AudioFormat
from parley.conversation.lines import CLIP_TEXTS
from parley.providers.text_to_speech.espeak_worker import Espeak, Job
from parley.providers.text_to_speech.word_times import TimedWord, mark_words

_FOLDER = Path(__file__).parent.parent / "src/parley/live/clips"
_WIDE = AudioFormat("pcm_s16le", 16000)
_SPEED = 0.95
_LOUDNESS_DBFS = -20.0
_PEAK = 0.8
_TAIL_MS = 60.0


def record(espeak: Espeak, text: str) -> bytes:
    """`text` as mu-law: levelled, the silence after it cut off, its words marked."""
    spoken = espeak.speak(Job(1, text, "en-us", _SPEED, _WIDE))
    wave = np.frombuffer(spoken.audio, "<i2") / 32768
    voiced = np.abs(wave) > 0.01
    wave = wave[: int(np.flatnonzero(voiced)[-1] + _TAIL_MS * 16)]
    wave = wave * 10 ** (_LOUDNESS_DBFS / 20) / np.sqrt(np.mean(wave[voiced[: len(wave)]] ** 2))
    wave = _PEAK * np.tanh(wave / _PEAK)  # rounds the few peaks that would clip
    audio = convert(np.rint(wave * 32767).astype("<i2").tobytes(), _WIDE, MULAW_8K)
    words, place = [], 0
    for word in text.split():
        place = text.index(word, place)
        start_ms = spoken.end_ms[place - 1] if place else 0.0
        place += len(word)
        words.append(TimedWord(word, place - len(word), start_ms, spoken.end_ms[place - 1]))
    return mark_words(audio, MULAW_8K, words)


def main() -> None:
    espeak = Espeak()
    for name, text in CLIP_TEXTS.items():
        audio = record(espeak, text)
        (_FOLDER / f"{name}.ulaw").write_bytes(audio)
        sys.stdout.write(f"{name}: {MULAW_8K.duration_ms(len(audio)) / 1000:.1f} s\n")


if __name__ == "__main__":
    main()
