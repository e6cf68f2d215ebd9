"""A caller's message while it is spoken: kept in memory as it comes, and heard by a recogniser."""

from __future__ import annotations

from collections.abc import Callable

from parley.audio.conversion import convert
from parley.audio.formats import PCM_8K, AudioFormat
from parley.audio.wav import mono_wav
from parley.conversation.desk.wishes import KeepMessage
from parley.conversation.facts import AnyFact, VoiceStarted
from parley.domain.voicemails import TakenMessage
from parley.live.listener import Listener
from parley.providers.protocols import Hearing, HearingFact

# After a message's end the recogniser hears so much silence, so that it settles the last words at once.
_SETTLING_MS = 1200.0
_FRAME_MS = 20.0
# A little more than the longest message, because frames come in bursts; beyond it nothing is kept.
_MARGIN_S = 5.0


class MessageEar:
    """Deaf until `begin` and after `end`. Not more than `longest_s` of audio is ever kept."""

    def __init__(self, audio_format: AudioFormat, longest_s: float, emit: Callable[[AnyFact], None]) -> None:
        self._format = audio_format
        self._most_bytes = audio_format.bytes_in((longest_s + _MARGIN_S) * 1000)
        self._emit = emit
        self._audio = bytearray()
        self._is_open = False
        self._listener: Listener | None = None
        self._hearing: Hearing | None = None

    def listen_through(self, hearing: Hearing) -> None:
        """Who recognises the words. Nobody else decides when the caller sounds."""
        self._hearing = hearing
        self._listener = Listener(hearing, self._format, self._emit)

    def on_hearing(self, fact: HearingFact) -> None:
        """What the recogniser tells. That somebody sounds is known already; that they fell silent, it never says."""
        if not isinstance(fact, VoiceStarted):
            self._emit(fact)

    def hear(self, audio: bytes) -> None:
        if self._is_open and len(self._audio) < self._most_bytes:
            self._audio += audio
            if self._listener is not None:
                self._listener.hear(audio)

    def begin(self) -> None:
        self._is_open = True

    def end(self, drop_s: float) -> None:
        """The message is over, and its last `drop_s` seconds do not belong to it."""
        self._is_open = False
        drop = self._format.bytes_in(drop_s * 1000)
        if drop:
            del self._audio[-drop:]
        if self._hearing is not None:
            frame = self._format.silence_byte * self._format.bytes_in(_FRAME_MS)
            for _ in range(int(_SETTLING_MS / _FRAME_MS)):
                self._hearing.hear(frame)

    def close(self) -> None:
        self._is_open = False
        if self._hearing is not None:
            self._hearing.close()

    @property
    def has_audio(self) -> bool:
        return bool(self._audio)

    def message(self, voicemail_id: str, kept: KeepMessage) -> TakenMessage:
        """The message as a file. Takes some milliseconds a minute: call it in a thread."""
        if kept.was_empty or not self._audio:
            return TakenMessage(voicemail_id, b"", 0, kept.transcript, kept.confidence)
        samples = convert(bytes(self._audio), self._format, PCM_8K)
        duration_ms = round(PCM_8K.duration_ms(len(samples)))
        audio = mono_wav(samples, PCM_8K.sample_rate_hz)
        return TakenMessage(voicemail_id, audio, duration_ms, kept.transcript, kept.confidence)


class Deaf:
    """The quiet twin: in the other stages the caller is heard by nobody but their keys."""

    def hear(self, audio: bytes) -> None: ...

    def begin(self) -> None: ...

    def end(self, drop_s: float) -> None: ...

    def close(self) -> None: ...
