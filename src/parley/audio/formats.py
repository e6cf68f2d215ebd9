"""How audio is encoded on a wire, and how many bytes make a millisecond of it."""

from __future__ import annotations

from typing import Literal

import msgspec

Encoding = Literal["mulaw", "alaw", "pcm_s16le"]

_BYTES_PER_SAMPLE: dict[str, int] = {"mulaw": 1, "alaw": 1, "pcm_s16le": 2}


class AudioFormat(msgspec.Struct, frozen=True):
    """One mono audio encoding at one rate."""

    encoding: Encoding
    sample_rate_hz: int

    @property
    def bytes_per_sample(self) -> int:
        return _BYTES_PER_SAMPLE[self.encoding]

    @property
    def bytes_per_second(self) -> int:
        return self.sample_rate_hz * self.bytes_per_sample

    def duration_ms(self, byte_count: int) -> float:
        """Milliseconds that `byte_count` bytes play for."""
        return byte_count * 1000.0 / self.bytes_per_second

    def bytes_in(self, duration_ms: float) -> int:
        """Whole samples in `duration_ms`, as bytes, rounded down."""
        return int(duration_ms * self.sample_rate_hz / 1000.0) * self.bytes_per_sample

    @property
    def silence_byte(self) -> bytes:
        """The byte that repeated is silence (ITU-T G.711: 0xFF for mu-law, 0xD5 for A-law)."""
        return {"mulaw": b"\xff", "alaw": b"\xd5", "pcm_s16le": b"\x00"}[self.encoding]


MULAW_8K = AudioFormat("mulaw", 8000)
PCM_8K = AudioFormat("pcm_s16le", 8000)
PCM_16K = AudioFormat("pcm_s16le", 16000)
