"""Words hidden in mu-law audio, so that a test can tell exactly which audio arrived.

A real recogniser needs real speech and a model. The simulated caller and the simulated recogniser need neither: each
word rides in the least significant bits of the audio that stands for it, through the untouched audio path. Lost audio
shows as lost words, doubled audio as doubled words, late audio as late words.

A mark is one bit a sample: a 32-bit sync word (0x1ACFFC1D, the attached sync marker of CCSDS 131.0-B, chosen there
because it does not resemble a shifted copy of itself), one length byte, the UTF-8 text, and its CRC-32. A word of n
bytes takes 8 * (9 + n) samples: a ten-letter word 19 ms at 8 kHz. The marks survive mu-law in any chunking and mu-law
decoded to 16-bit samples and encoded again; they do not survive resampling, A-law or mixing.

`speak` is the voice that carries them: a buzz with the pitch, formants and rhythm of speech. Nobody understands it, but
detectors of voice take it for one.
"""

from __future__ import annotations

import math
import zlib
from array import array
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from parley.audio.g711 import pcm16_to_mulaw
from parley.domain.errors import BadInput

MAX_WORD_BYTES = 64

_SYNC = 0x1ACFFC1D.to_bytes(4, "big")
_HEADER_BITS = 8 * (len(_SYNC) + 1)
_CRC_BYTES = 4
_ASCII_TO_BIT = bytes(byte & 1 for byte in range(256))  # "0" is 0x30, "1" is 0x31
_BIT_TO_ASCII = bytes(0x30 | (byte & 1) for byte in range(256))
_CLEAR_LAST_BIT = bytes(byte & 0xFE for byte in range(256))

_RATE_HZ = 8000
_STEP = 80  # words last a whole number of steps of 10 ms, so that few sounds have to be computed
_DIP = 400  # 50 ms of near silence between words: real, and far shorter than a pause that could end a turn
_DIP_LEVEL = 0.03
_RAMP = 120
_PERIOD = 64  # samples a pitch period: a voice of 125 Hz
_LOUDNESS_DBFS = -20.0  # how loud a telephone talker usually is while speaking
_FORMANTS = (  # centre Hz, width Hz, gain; after Peterson and Barney (1952)
    ((730.0, 130.0, 1.0), (1090.0, 160.0, 0.6), (2440.0, 250.0, 0.25)),
    ((530.0, 90.0, 1.0), (1840.0, 180.0, 0.5), (2480.0, 250.0, 0.3)),
    ((570.0, 90.0, 1.0), (840.0, 120.0, 0.6), (2410.0, 250.0, 0.15)),
)


class MarkedWord(NamedTuple):
    """A word and where its mark lies: byte positions in all audio read since the reader was made."""

    word: str
    start: int
    end: int


def mark_length(word: str) -> int:
    """Bytes of mu-law audio that the mark of `word` takes.

    Raises BadInput if the word is empty or longer than MAX_WORD_BYTES in UTF-8.
    """
    size = len(word.encode())
    if not 0 < size <= MAX_WORD_BYTES:
        raise BadInput(f"A marked word has 1 to {MAX_WORD_BYTES} bytes; split this one of {size}.")
    return _HEADER_BITS + 8 * (size + _CRC_BYTES)


def embed(audio_mulaw: bytes, words: Iterable[tuple[str, int]]) -> bytes:
    """The same audio with every `(word, offset)` marked from byte `offset` on; it sounds the same.

    Raises BadInput where a mark has no room before the next one or the end of the audio.
    """
    marked = bytearray(audio_mulaw)
    free_from = 0
    for word, offset in sorted(words, key=lambda item: item[1]):
        end = offset + mark_length(word)
        if offset < free_from or end > len(marked):
            raise BadInput(f"No room for a mark at byte {offset}: give the word more audio or another offset.")
        marked[offset:end] = _with_bits(bytes(marked[offset:end]), _mark_bits(word))
        free_from = end
    return bytes(marked)


class WatermarkReader:
    """Finds marked words in mu-law audio that comes in pieces of any size.

    Every whole mark is told once, in the piece that completes it; a damaged one is passed over in silence.
    """

    def __init__(self) -> None:
        self._bits = bytearray()  # one byte a bit; only what may still belong to an unfinished mark
        self._bits_start = 0

    def feed(self, audio_mulaw: bytes) -> list[str]:
        """Words completed by this piece, in order."""
        return [found.word for found in self.read(audio_mulaw)]

    def read(self, audio_mulaw: bytes) -> list[MarkedWord]:
        """As `feed`, with the place of every mark."""
        bits = self._bits
        bits += audio_mulaw.translate(_ASCII_TO_BIT)
        found: list[MarkedWord] = []
        position = 0
        while (sync_at := bits.find(_SYNC_BITS, position)) >= 0:
            word, end = _read_mark(bits, sync_at)
            if end > len(bits):
                position = sync_at
                break
            if word:
                found.append(MarkedWord(word, self._bits_start + sync_at, self._bits_start + end))
                position = end
            else:
                position = sync_at + 1
        else:
            position = max(position, len(bits) - len(_SYNC_BITS) + 1)
        del bits[:position]
        self._bits_start += position
        return found


def _to_bits(data: bytes) -> bytes:
    """`data` as one byte (0 or 1) a bit, first bit first."""
    return f"{int.from_bytes(data, 'big'):0{8 * len(data)}b}".encode().translate(_ASCII_TO_BIT)


def _from_bits(bits: bytes | bytearray) -> bytes:
    return int(bits.translate(_BIT_TO_ASCII), 2).to_bytes(len(bits) // 8, "big")


_SYNC_BITS = _to_bits(_SYNC)


def _mark_bits(word: str) -> bytes:
    body = word.encode()
    return _to_bits(_SYNC + bytes([len(body)]) + body + zlib.crc32(body).to_bytes(_CRC_BYTES, "big"))


def _with_bits(audio: bytes, bits: bytes) -> bytes:
    cleared = int.from_bytes(audio.translate(_CLEAR_LAST_BIT), "big")
    return (cleared | int.from_bytes(bits, "big")).to_bytes(len(audio), "big")


def _read_mark(bits: bytearray, sync_at: int) -> tuple[str, int]:
    """The word of the mark at `sync_at` ("" if it is damaged) and where it ends, which may be beyond `bits`."""
    body_at = sync_at + _HEADER_BITS
    if len(bits) < body_at:
        return "", body_at
    size = _from_bits(bits[body_at - 8 : body_at])[0]
    if not 0 < size <= MAX_WORD_BYTES:
        return "", body_at
    end = body_at + 8 * (size + _CRC_BYTES)
    if len(bits) < end:
        return "", end
    content = _from_bits(bits[body_at:end])
    body, crc = content[:size], content[size:]
    if zlib.crc32(body).to_bytes(_CRC_BYTES, "big") != crc:
        return "", end
    return body.decode(errors="replace"), end


def speak(text: str, words_per_s: float = 4.0) -> bytes:
    """8 kHz mu-law speech of `text`: words of about `1 / words_per_s` seconds, longer for longer words.

    The first word begins with the first byte. A word's mark ends where its sound does, so it is read when the word was
    wholly heard; 50 ms of near silence follow it. Text without words is b"". Raises BadInput for a word of more than
    MAX_WORD_BYTES.
    """
    words = text.split()
    weights = [len(word) + 3 for word in words]
    samples_per_weight = _RATE_HZ * len(words) / (words_per_s * max(1, sum(weights)))
    audio = bytearray()
    marks: list[tuple[str, int]] = []
    for index, (word, weight) in enumerate(zip(words, weights, strict=True)):
        mark = mark_length(word)
        wanted = max(weight * samples_per_weight - _DIP, mark, 8 * _STEP)
        sounding = math.ceil(wanted / _STEP) * _STEP
        marks.append((word, len(audio) + sounding - mark))
        audio += _sound(index % len(_FORMANTS), sounding)
    return embed(bytes(audio), marks)


@lru_cache(maxsize=512)
def _sound(vowel: int, sounding: int) -> bytes:
    """`sounding` samples of voice that rises, sways and falls, then the dip, as mu-law."""
    period = _pitch_period(vowel)
    shaped = array("h")
    for n in range(sounding + _DIP):
        edge = min(n + 1, sounding - n) / _RAMP
        sway = 1.0 + 0.25 * math.sin(2 * math.pi * 5.0 * n / _RATE_HZ)
        shaped.append(int(period[n % _PERIOD] * max(_DIP_LEVEL, min(1.0, edge)) * sway))
    return pcm16_to_mulaw(shaped.tobytes())


@lru_cache(maxsize=len(_FORMANTS))
def _pitch_period(vowel: int) -> tuple[float, ...]:
    """One period of a steady vowel at the loudness of speech: harmonics of the pitch, shaped by formants."""
    pitch_hz = _RATE_HZ / _PERIOD
    gains = [_formant_gain(vowel, k * pitch_hz) for k in range(1, int(3600 / pitch_hz))]
    samples = [
        sum(gain * math.sin(2 * math.pi * k * n / _PERIOD + k * k) for k, gain in enumerate(gains, start=1))
        for n in range(_PERIOD)
    ]
    rms = math.sqrt(sum(sample * sample for sample in samples) / _PERIOD)
    scale = 32768 * 10 ** (_LOUDNESS_DBFS / 20) / rms
    return tuple(sample * scale for sample in samples)


def _formant_gain(vowel: int, frequency_hz: float) -> float:
    return 0.02 + sum(
        gain / (1.0 + ((frequency_hz - centre_hz) / width_hz) ** 2) for centre_hz, width_hz, gain in _FORMANTS[vowel]
    )
