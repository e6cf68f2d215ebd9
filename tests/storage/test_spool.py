"""Parts of recordings on disk: written under a lock, mended after a crash, joined in order."""

from __future__ import annotations

import io
import itertools
import os
import resource
import signal
import stat
import subprocess
import sys
import threading
import wave
from pathlib import Path

import pytest

from parley.audio.wav import wav_header
from parley.domain.errors import BadInput
from parley.storage.spool import PartFile, Piece, Spool, claimed, join, mend

SECOND = b"\x01\x02\x03\x04" * 8000


def samples_in(path: Path) -> bytes:
    with wave.open(io.BytesIO(path.read_bytes())) as file:
        samples: bytes = file.readframes(file.getnframes())
    return samples


def a_part(spool: Spool, call_id: str = "call_1", offset_ms: int = 120) -> PartFile:
    part = spool.new_part(call_id, offset_ms, 8000)
    part.write(SECOND)
    return part


def test_a_part_is_found_by_its_call_and_where_it_begins(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    assert spool.parts() == []
    a_part(spool).close()
    a_part(spool, "call_1", 61_000).close()
    (spool.folder / "notes.txt").write_text("not ours")
    assert [(part.call_id, part.offset_ms) for part in spool.parts()] == [("call_1", 120), ("call_1", 61_000)]
    assert stat.S_IMODE(spool.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(spool.parts()[0].path.stat().st_mode) == 0o600


def test_nobody_takes_a_part_that_is_being_written_or_stored(tmp_path: Path) -> None:
    part = a_part(Spool(tmp_path))
    with claimed(part.path) as is_ours:
        assert not is_ours
    part.close()
    with claimed(part.path) as is_ours, claimed(part.path) as is_ours_too:
        assert (is_ours, is_ours_too) == (True, False)
    with claimed(tmp_path / "call_2.000000000.wav") as is_ours:
        assert not is_ours


def test_a_disk_that_takes_only_a_part_of_the_samples_refuses(tmp_path: Path) -> None:
    part = a_part(Spool(tmp_path))
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (part.path.stat().st_size + 6, limit[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            part.write(SECOND)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    part.close()
    mend(part.path)
    assert samples_in(part.path) == SECOND + SECOND[:4]


def test_a_part_is_finished_at_once(tmp_path: Path) -> None:
    part = a_part(Spool(tmp_path))
    part.finish(b"\x05\x06\x07\x08")
    with claimed(part.path) as is_ours:
        assert is_ours
    mend(part.path)
    assert samples_in(part.path) == SECOND + b"\x05\x06\x07\x08"


def test_a_part_another_thread_writes_is_left_to_it(tmp_path: Path) -> None:
    part = Spool(tmp_path).new_part("call_1", 0, 8000)
    os.mkfifo(part.path.with_suffix(".new"))  # a pipe takes 64 KiB, then whoever writes to it waits
    writer = threading.Thread(target=part.write, args=(SECOND * 4,))
    writer.start()
    while not part.path.exists():
        writer.join(0.01)
    part.finish(SECOND)
    with part.path.open("rb", buffering=0) as pipe:
        written = 0
        while written < 44 + len(SECOND) * 4:
            written += len(pipe.read(1 << 16))
        writer.join()
        os.set_blocking(pipe.fileno(), False)
        assert not pipe.read(1)


def test_a_writer_that_is_killed_leaves_a_part_that_can_be_taken_and_mended(tmp_path: Path) -> None:
    script = (
        "import os, pathlib, signal, sys\n"
        "from parley.storage.spool import Spool\n"
        "part = Spool(pathlib.Path(sys.argv[1])).new_part('call_1', 0, 8000)\n"
        "part.write(b'\\x01\\x02\\x03\\x04' * 8000 + b'\\x05\\x06')\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    [part] = Spool(tmp_path).parts()
    with claimed(part.path) as is_ours:
        assert is_ours
        assert mend(part.path) == 44 + len(SECOND) == part.path.stat().st_size
    assert samples_in(part.path) == SECOND


@pytest.mark.parametrize("length", [0, 20, 44, 47])
def test_a_part_without_a_sample_is_nothing(tmp_path: Path, length: int) -> None:
    path = tmp_path / "call_1.000000000.wav"
    path.write_bytes((wav_header(8000) + b"\x01\x02\x03")[:length])
    assert mend(path) == 0


def test_a_file_that_is_no_recording_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "call_1.000000000.wav"
    path.write_bytes(os.urandom(500))
    with pytest.raises(BadInput):
        mend(path)


def joined(tmp_path: Path, *offsets_ms: int) -> bytes:
    """Seconds of sound, each its own, that begin at these times, joined one by one in this order."""
    spool, target = Spool(tmp_path / "parts"), tmp_path / "stored"
    pieces: list[Piece] = []
    for number, offset_ms in enumerate(offsets_ms):
        part = spool.new_part("call_1", offset_ms, 8000)
        part.write(sound(number))
        part.close()
        mend(part.path)
        piece = Piece(offset_ms, len(SECOND))
        if pieces:
            size = join(target, sorted(pieces), part.path, piece, tmp_path / "next")
            (tmp_path / "next").rename(target)
            assert size == target.stat().st_size
        else:
            part.path.rename(target)
        pieces.append(piece)
    return samples_in(target)


def sound(number: int) -> bytes:
    return bytes([number + 1]) * len(SECOND)


@pytest.mark.parametrize(("apart_ms", "silence_s"), [(1000, 0), (400, 0), (3500, 2.5), (10_000_000, 600)])
@pytest.mark.parametrize("is_late", [False, True])
def test_parts_are_joined_with_the_silence_that_was_between_them(
    tmp_path: Path, apart_ms: int, silence_s: float, is_late: bool
) -> None:
    silence = bytes(int(silence_s * 32_000))
    if is_late:
        assert joined(tmp_path, 120 + apart_ms, 120) == sound(1) + silence + sound(0)
    else:
        assert joined(tmp_path, 120, 120 + apart_ms) == sound(0) + silence + sound(1)


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_in_whatever_order_parts_come_the_recording_is_the_same(tmp_path: Path, order: tuple[int, ...]) -> None:
    offsets_ms = [0, 900, 3000, 700_000]
    whole = joined(tmp_path, *(offsets_ms[index] for index in order))
    first, second, third, fourth = (sound(order.index(index)) for index in range(4))
    assert whole == first + second + bytes(32_000) + third + bytes(600 * 32_000) + fourth


def test_parts_of_different_rates_are_not_joined(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    first, second = spool.new_part("call_1", 0, 8000), spool.new_part("call_1", 9, 16_000)
    for part in (first, second):
        part.write(SECOND)
        part.close()
    with pytest.raises(BadInput, match="rates"):
        join(first.path, [Piece(0, len(SECOND))], second.path, Piece(9, len(SECOND)), tmp_path / "whole")
