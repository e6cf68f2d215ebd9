"""Where recordings lie until they are stored: one WAV file a part, in a folder of this machine.

A call has one part, or one for each session that held it. Whoever writes a part, or is storing it, holds a lock on its
file, which the system takes away from a process that dies: so what a crash left behind shows itself.

Everything here blocks and belongs in a thread.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

from parley.audio.wav import HEADER_BYTES, sample_rate_in, wav_header, whole_frames
from parley.domain.errors import BadInput

_NAME = re.compile(r"([A-Za-z0-9_-]{1,64})\.(\d{9,15})\.wav")
_COPY_BYTES = 1 << 20
_LONGEST_SILENCE_MS = 600_000


class Part(NamedTuple):
    """A part of a call's recording that begins so many milliseconds after the call did."""

    path: Path
    call_id: str
    offset_ms: int


class PartFile:
    """A part being written. The file is made at the first `write`; only one thread at a time may use it."""

    def __init__(self, path: Path, sample_rate_hz: int) -> None:
        self.path = path
        self._sample_rate_hz = sample_rate_hz
        self._file: BinaryIO | None = None

    def write(self, samples: bytes) -> None:
        """Append 16-bit stereo. Raises OSError."""
        if self._file is None:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            self._file = os.fdopen(descriptor, "w+b", buffering=0)
            fcntl.flock(self._file, fcntl.LOCK_EX)
            self._file.write(wav_header(self._sample_rate_hz))
        self._file.write(samples)

    def close(self) -> None:
        """Let go of the file as it is, for whoever stores it. Raises OSError."""
        if self._file is not None:
            self._file.close()


class Spool:
    """The folder; made when the first part is written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def new_part(self, call_id: str, offset_ms: int, sample_rate_hz: int) -> PartFile:
        return PartFile(self.folder / f"{call_id}.{offset_ms:09d}.wav", sample_rate_hz)

    def parts(self) -> Sequence[Part]:
        """What waits here, oldest call first; also parts still being written."""
        if not self.folder.is_dir():
            return []
        named = ((path, _NAME.fullmatch(path.name)) for path in sorted(self.folder.iterdir()))
        return [Part(path, name[1], int(name[2])) for path, name in named if name is not None]

    def part_at(self, path: Path) -> Part:
        """Raises BadInput for a file that is no part."""
        name = _NAME.fullmatch(path.name)
        if name is None:
            raise BadInput("This file is no part of a recording.")
        return Part(path, name[1], int(name[2]))


@contextmanager
def claimed(path: Path) -> Iterator[bool]:
    """Hold the part while the block lasts; False when somebody else does, or it is gone."""
    try:
        file = path.open("r+b")
    except FileNotFoundError:
        yield False
        return
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield os.fstat(file.fileno()).st_nlink > 0


def mend(path: Path) -> int:
    """Make a part that may have been cut off anywhere a proper WAV file; returns its length, 0 if nothing is in it.

    Raises BadInput when it is no part at all.
    """
    with path.open("r+b") as file:
        header, length = file.read(HEADER_BYTES), os.fstat(file.fileno()).st_size
        data_bytes = whole_frames(length)
        if not data_bytes:
            return 0
        file.truncate(HEADER_BYTES + data_bytes)
        file.seek(0)
        file.write(wav_header(sample_rate_in(header), data_bytes))
        file.flush()
        os.fsync(file.fileno())
    return HEADER_BYTES + data_bytes


def join(earlier: Path, later: Path, apart_ms: int, target: Path) -> int:
    """Write both, the later one beginning `apart_ms` after the earlier one, to `target`; returns its length.

    What lies between them is silence (never more than ten minutes of it); parts that overlap follow each other whole.
    Raises BadInput when they differ in rate.
    """
    rate = sample_rate_in(_head(earlier))
    if sample_rate_in(_head(later)) != rate:
        raise BadInput("Two parts of one recording have different sample rates.")
    first, second = (whole_frames(path.stat().st_size) for path in (earlier, later))
    gap_ms = min(max(0, apart_ms - first * 1000 // (rate * 4)), _LONGEST_SILENCE_MS)
    gap = gap_ms * rate // 1000 * 4
    with target.open("wb") as file:
        file.write(wav_header(rate, first + gap + second))
        _copy(earlier, first, file)
        file.write(bytes(gap))
        _copy(later, second, file)
    return HEADER_BYTES + first + gap + second


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEADER_BYTES)


def _copy(source: Path, size: int, target: BinaryIO) -> None:
    with source.open("rb") as file:
        file.seek(HEADER_BYTES)
        while size and (piece := file.read(min(size, _COPY_BYTES))):
            target.write(piece)
            size -= len(piece)
