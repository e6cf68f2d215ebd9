"""WAV files of 16-bit samples (RIFF, as Multimedia Programming Interface and Data Specifications 1.0 describes it).

Only the plain header of 44 bytes is written and read, because a file that a crash cut off can be repaired then: what
the header should say follows from the file's length.
"""

from __future__ import annotations

import struct
from typing import Final

from parley.domain.errors import BadInput

HEADER_BYTES: Final = 44
BYTES_PER_FRAME: Final = 4
"""One sample of both sides."""

_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
_HIGHEST_RATE_HZ = 192_000
_UNKNOWN = 0xFFFFFFFF - 36  # a file still being written: players take it to go on to its end


def wav_header(sample_rate_hz: int, data_bytes: int | None = None) -> bytes:
    """The header of a stereo file with so many bytes of samples; None where that is not known yet."""
    size = _UNKNOWN if data_bytes is None else min(data_bytes, _UNKNOWN)
    return _head(sample_rate_hz, size, sides=2)


def mono_wav(samples: bytes, sample_rate_hz: int) -> bytes:
    """A whole file of one side: `samples` are 16-bit little-endian."""
    return _head(sample_rate_hz, len(samples), sides=1) + samples


def _head(rate_hz: int, size: int, *, sides: int) -> bytes:
    frame = 2 * sides
    return _HEADER.pack(
        b"RIFF", size + 36, b"WAVE", b"fmt ", 16, 1, sides, rate_hz, rate_hz * frame, frame, 16, b"data", size
    )


def sample_rate_in(header: bytes) -> int:
    """The rate that a header of `wav_header` tells. Raises BadInput for any other bytes."""
    if len(header) >= HEADER_BYTES:
        fields = _HEADER.unpack_from(header)
        rate: int = fields[7]
        if 0 < rate <= _HIGHEST_RATE_HZ and wav_header(rate, fields[12]) == header[:HEADER_BYTES]:
            return rate
    raise BadInput("This is no recording of parley's: it does not begin with the header of one.")


def whole_frames(file_bytes: int) -> int:
    """Bytes of whole samples in a file of that length, however it was cut off."""
    return max(0, file_bytes - HEADER_BYTES) // BYTES_PER_FRAME * BYTES_PER_FRAME
