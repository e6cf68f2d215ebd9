"""The speech half of an OpenAI-compatible server: `POST /audio/speech` with raw 16-bit audio, streamed in pieces.

At 24 kHz, the true rate, the sound is right and its marks are lost in resampling; a server that declares 8 kHz, as
compatible ones may, carries them, so that whoever hears it knows exactly which words arrived.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from parley.audio.conversion import convert
from parley.audio.formats import MULAW_8K, AudioFormat
from tests.emulators.elevenlabs_speech import speech
from tests.emulators.http_server import Answer, Ending, Request


@dataclass
class SpeechBehaviour:
    """Switches; may be changed while the emulator runs. `..._times` count down to normal behaviour."""

    rate_hz: int = 8000
    declares_rate: bool = True
    first_audio_s: float = 0.05
    gap_s: float = 0.0  # between pieces
    piece_ms: int = 200
    odd_pieces: bool = False  # pieces that end in the middle of a sample
    status: int = 200
    code: str | None = None
    content_type: str = "audio/pcm"
    trouble_times: int = 0  # so many answers end like this, after `trouble_after` pieces
    trouble: Ending = "cut"
    trouble_after: int = 0


@dataclass(frozen=True)
class SpeechRequest:
    body: dict[str, Any]
    headers: dict[str, str]
    connection: int


@dataclass
class EmulatedSpeech:
    behaviour: SpeechBehaviour = field(default_factory=SpeechBehaviour)
    requests: list[SpeechRequest] = field(default_factory=list)

    @property
    def texts(self) -> list[str]:
        """Every text it was asked to speak, in order."""
        return [request.body["input"] for request in self.requests]

    def answer(self, request: Request) -> Answer:
        behaviour = self.behaviour
        body = json.loads(request.body)
        self.requests.append(SpeechRequest(body, request.headers, request.connection))
        if behaviour.status != 200:
            error = {"error": {"message": "No.", "type": "emulated", "param": None, "code": behaviour.code}}
            return Answer([json.dumps(error).encode()], status=behaviour.status)
        pieces = self._pieces(body["input"])
        ending: Ending = "complete"
        if behaviour.trouble_times > 0:
            behaviour.trouble_times -= 1
            pieces, ending = pieces[: behaviour.trouble_after], behaviour.trouble
        timed: list[bytes | float] = []
        for piece in pieces:
            timed += [piece, behaviour.gap_s]
        rate = f";rate={behaviour.rate_hz}" if behaviour.declares_rate else ""
        return Answer(
            [behaviour.first_audio_s, *timed],
            content_type=f"{behaviour.content_type}{rate}",
            ending=ending,
        )

    def _pieces(self, text: str) -> list[bytes]:
        behaviour = self.behaviour
        target = AudioFormat("pcm_s16le", behaviour.rate_hz)
        audio = convert(speech(text).audio, MULAW_8K, target)
        size = target.bytes_in(behaviour.piece_ms) + (1 if behaviour.odd_pieces else 0)
        return [audio[at : at + size] for at in range(0, len(audio), size)]
