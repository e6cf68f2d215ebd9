"""The child process that speaks with espeak-ng. Run as a module; it talks over its standard input and output.

espeak-ng is licensed under the GPL-3 and is not part of parley: it is loaded only here, in a process of its own, from
the wheel `espeakng-loader` (extra `speech`) or from the system's library. One process serves all calls: it makes about
a thousand seconds of speech in one.

Wire: each message is four bytes of length (big-endian) and a msgpack array; see `Job` and `Answer`. The process ends
when its input does, and with status 3 when there is no espeak-ng.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import sys
from typing import Any, BinaryIO

import msgspec

from parley.audio.conversion import convert
from parley.audio.formats import AudioFormat
from parley.providers.text_to_speech.word_times import char_ends_ms, mark_words, timed_words

NO_ESPEAK = 3

_SYNCHRONOUS = 2
_BUFFER_MS = 200
_UTF8, _PAUSE_AT_END = 1, 0x1000
_BY_CHARACTER = 1
_RATE_PARAMETER = 1
_WORDS_PER_MINUTE = 165
_LIST_END, _WORD_EVENT = 0, 1


class Job(msgspec.Struct, array_like=True):
    """Speak `text`. `language` is a BCP-47 tag or a name of an espeak-ng voice, with a `+variant` or without."""

    number: int
    text: str
    language: str
    speed: float
    audio: AudioFormat


class Answer(msgspec.Struct, array_like=True):
    """Audio of a job's text in the format asked for, and when each of its characters has ended."""

    number: int
    audio: bytes
    end_ms: tuple[float, ...]


def framed(message: Job | Answer) -> bytes:
    body = msgspec.msgpack.encode(message)
    return len(body).to_bytes(4, "big") + body


class _EventId(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    """espeak_EVENT of speak_lib.h."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventId),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


class Espeak:
    """espeak-ng's library, used synchronously. Raises OSError if there is none."""

    def __init__(self) -> None:
        path, data = _library()
        self._library = ctypes.CDLL(path)
        rate_hz = self._library.espeak_Initialize(_SYNCHRONOUS, _BUFFER_MS, data, 0)
        if rate_hz <= 0:
            raise OSError("espeak-ng was found but does not start; its voice data is missing.")
        self._format = AudioFormat("pcm_s16le", rate_hz)
        self._pcm = bytearray()
        self._words: list[tuple[int, float]] = []  # place in the text, start in ms
        self._callback = _Callback(self._collect)  # must outlive every synthesis
        self._library.espeak_SetSynthCallback(self._callback)
        self._voice = ""

    def speak(self, job: Job) -> Answer:
        self._choose(job.language)
        self._library.espeak_SetParameter(_RATE_PARAMETER, int(_WORDS_PER_MINUTE * min(max(job.speed, 0.5), 2.5)), 0)
        self._pcm.clear()
        self._words.clear()
        data = job.text.replace("\0", " ").encode()
        ends_sentence = job.text.rstrip()[-1:] in (".", "!", "?")
        flags = _UTF8 | (_PAUSE_AT_END if ends_sentence else 0)
        self._library.espeak_Synth(data, len(data) + 1, 0, _BY_CHARACTER, 0, flags, None, None)
        audio = convert(bytes(self._pcm), self._format, job.audio)
        words = timed_words(job.text, self._words, job.audio.duration_ms(len(audio)))
        return Answer(job.number, mark_words(audio, job.audio, words), char_ends_ms(job.text, words))

    def _collect(self, samples: Any, count: int, events: Any) -> int:
        if samples and count > 0:
            self._pcm += ctypes.string_at(samples, count * 2)
        index = 0
        while events[index].type != _LIST_END:
            if events[index].type == _WORD_EVENT:
                self._words.append((events[index].text_position - 1, float(events[index].audio_position)))
            index += 1
        return 0

    def _choose(self, language: str) -> None:
        """The voice of this name or language, else of the language without its region, else English."""
        if language == self._voice:
            return
        base, plus, variant = language.partition("+")
        low = base.lower()
        for name in (*(f"{name}{plus}{variant}" for name in (base, low, low.split("-")[0], "en-us")), "en-us"):
            if self._library.espeak_SetVoiceByName(name.encode()) == 0:
                break
        self._voice = language


def _library() -> tuple[str, bytes | None]:
    """Path of the shared library, and of its data where it does not know that itself."""
    try:
        import espeakng_loader
    except ImportError:
        found = ctypes.util.find_library("espeak-ng")
        if found is None:
            raise OSError("There is no espeak-ng here: install parley's extra `speech`.") from None
        return found, None
    return espeakng_loader.get_library_path(), espeakng_loader.get_data_path().encode()


def serve(source: BinaryIO, sink: BinaryIO) -> None:
    """Answer jobs in order until the input ends."""
    espeak = Espeak()
    espeak.speak(Job(0, "Ready.", "en-us", 1.0, AudioFormat("mulaw", 8000)))  # loads what the first job would wait for
    while len(head := source.read(4)) == 4:
        job = msgspec.msgpack.decode(source.read(int.from_bytes(head, "big")), type=Job)
        sink.write(framed(espeak.speak(job)))
        sink.flush()


if __name__ == "__main__":
    try:
        serve(sys.stdin.buffer, sys.stdout.buffer)
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(NO_ESPEAK)
    except KeyboardInterrupt:
        pass
