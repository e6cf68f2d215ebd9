"""Audio from one format to any other, as a stream or as a whole clip."""

from __future__ import annotations

from parley.audio.formats import AudioFormat
from parley.audio.g711 import alaw_to_pcm16, mulaw_to_pcm16, pcm16_to_alaw, pcm16_to_mulaw
from parley.audio.resampling import Resampler


class Converter:
    """Converts one stream. When both formats are the same the bytes pass untouched and no work is done."""

    def __init__(self, source: AudioFormat, target: AudioFormat) -> None:
        self._source, self._target = source, target
        same_rate = source.sample_rate_hz == target.sample_rate_hz
        self._resampler = None if same_rate else Resampler(source.sample_rate_hz, target.sample_rate_hz)

    def feed(self, audio: bytes) -> bytes:
        """The target's bytes that `audio` completes; the filter keeps up to 3 ms back when the rates differ."""
        if self._source == self._target:
            return audio
        pcm = _decode(audio, self._source)
        return _encode(self._resampler.feed(pcm) if self._resampler else pcm, self._target)

    def flush(self) -> bytes:
        """What the filter kept back. The converter is spent after this."""
        return _encode(self._resampler.flush(), self._target) if self._resampler else b""


def convert(audio: bytes, source: AudioFormat, target: AudioFormat) -> bytes:
    """A whole clip in another format, with the same duration."""
    converter = Converter(source, target)
    return converter.feed(audio) + converter.flush()


def _decode(audio: bytes, source: AudioFormat) -> bytes:
    match source.encoding:
        case "mulaw":
            return mulaw_to_pcm16(audio)
        case "alaw":
            return alaw_to_pcm16(audio)
        case "pcm_s16le":
            return audio


def _encode(pcm: bytes, target: AudioFormat) -> bytes:
    match target.encoding:
        case "mulaw":
            return pcm16_to_mulaw(pcm)
        case "alaw":
            return pcm16_to_alaw(pcm)
        case "pcm_s16le":
            return pcm
