"""Where recordings lie until they are stored: one WAV file a part, in a folder of this machine.

A call has one part, or one for each session that held it. Whoever writes a part, or is storing it, holds a lock on its
file, which the system takes away from a process that dies: so what a crash left behind shows itself.

Everything here blocks and belongs in a thread.
"""

from __future__ import annotations

import fcntl
import os
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

from parley.audio.wav import BYTES_PER_FRAME, HEADER_BYTES, sample_rate_in, wav_header, whole_frames
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
    """A part being written. The file is made at the first `write`; threads wait for each other."""

    def __init__(self, path: Path, sample_rate_hz: int) -> None:
        self.path = path
        self._sample_rate_hz = sample_rate_hz
        self._file: BinaryIO | None = None
        self._in_use = threading.Lock()

    def write(self, samples: bytes) -> None:
        """Append 16-bit stereo. Raises OSError."""
        with self._in_use:
            self._append(samples)

    def finish(self, samples: bytes = b"") -> None:
        """Append what is left and close, without waiting. Raises OSError.

        While another thread writes nothing happens: the file is closed when that thread is done and nobody has it.
        """
        if self._in_use.acquire(blocking=False):
            try:
                if samples:
                    self._append(samples)
                self._let_go()
            finally:
                self._in_use.release()

    def _append(self, samples: bytes) -> None:
        if self._file is None:
            self._file = self._made()
        rest = memoryview(samples)
        while rest:  # a full disk takes a part of it, and says so the next time
            rest = rest[self._file.write(rest) :]

    def _made(self) -> BinaryIO:
        """It gets its name once it is locked: nobody takes it for something left behind."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = self.path.with_suffix(".new")
        descriptor = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        file = os.fdopen(descriptor, "w+b", buffering=0)
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(wav_header(self._sample_rate_hz))
        fresh.rename(self.path)
        return file

    def close(self) -> None:
        """Let go of the file as it is, for whoever stores it. Raises OSError."""
        with self._in_use:
            self._let_go()

    def _let_go(self) -> None:
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


def set_aside(path: Path, why: str) -> None:
    """Keep a file that cannot be stored, but out of the way: `why` becomes the ending of its name."""
    path.rename(path.with_suffix(why))


def mend(path: Path) -> int:
    """Make a part that may have been cut off anywhere a proper WAV file; returns its length, 0 if nothing is in it.

    Raises BadInput when it is no part at all.
    """
    with path.open("r+b") as file:
        header, length = file.read(HEADER_BYTES), os.fstat(file.fileno()).st_size
        data_bytes = whole_frames(length)
        if not data_bytes:
            return 0
        proper = wav_header(sample_rate_in(header), data_bytes)
        file.truncate(HEADER_BYTES + data_bytes)
        file.seek(0)
        file.write(proper)
        file.flush()
        os.fsync(file.fileno())
    return HEADER_BYTES + data_bytes


class Piece(NamedTuple):
    """So many bytes of samples that begin so many milliseconds after the call did."""

    offset_ms: int
    size: int


def places(pieces: Sequence[Piece], sample_rate_hz: int) -> list[int]:
    """Where each piece begins in a recording of all of them: bytes of samples, in the order of their offsets.

    What lies between two is silence, but never more than ten minutes of it. Pieces never overlap: what should begin
    before the one before it has ended, begins when that one ends.
    """
    found: list[int] = []
    end = cut_ms = 0
    for piece in pieces:
        due = (piece.offset_ms - pieces[0].offset_ms - cut_ms) * sample_rate_hz // 1000 * BYTES_PER_FRAME
        longest = _LONGEST_SILENCE_MS * sample_rate_hz // 1000 * BYTES_PER_FRAME
        if due - end > longest:
            cut_ms += (due - end - longest) // BYTES_PER_FRAME * 1000 // sample_rate_hz
            due = end + longest
        found.append(max(due, end))
        end = found[-1] + piece.size
    return found


def join(stored: Path, pieces: Sequence[Piece], part: Path, piece: Piece, target: Path) -> int:
    """Write to `target` what `stored` holds, which are `pieces`, and the new part among them; returns its length.

    Raises BadInput when they differ in rate.
    """
    rate = sample_rate_in(_head(stored))
    if sample_rate_in(_head(part)) != rate:
        raise BadInput("Two parts of one recording have different sample rates.")
    sources = {each: (stored, at) for each, at in zip(pieces, places(pieces, rate), strict=True)}
    sources[piece] = (part, 0)
    ordered = sorted(sources)
    new_places = places(ordered, rate)
    size = new_places[-1] + ordered[-1].size
    with target.open("wb") as file:
        file.write(wav_header(rate, size))
        for each, at in zip(ordered, new_places, strict=True):
            file.write(bytes(HEADER_BYTES + at - file.tell()))
            source, source_at = sources[each]
            _copy(source, source_at, each.size, file)
    return HEADER_BYTES + size


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEADER_BYTES)


def _copy(source: Path, at: int, size: int, target: BinaryIO) -> None:
    with source.open("rb") as file:
        file.seek(HEADER_BYTES + at)
        while size and (samples := file.read(min(size, _COPY_BYTES))):
            target.write(samples)
            size -= len(samples)
