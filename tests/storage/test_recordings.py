"""Where recordings are stored: a folder and a bucket behave alike, and say in one word when they do not answer."""

from __future__ import annotations

import os
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from parley.domain.errors import NotFound, Unavailable
from parley.domain.secrets import Secret
from parley.storage.recordings import RecordingStore, local_store, s3_store
from tests.emulators.s3 import ACCESS_KEY, SECRET_KEY, Mood, S3Emulator


@pytest.fixture
async def s3() -> AsyncIterator[S3Emulator]:
    async with S3Emulator() as emulator:
        yield emulator


def bucket(s3: S3Emulator, secret: str = SECRET_KEY) -> RecordingStore:
    return s3_store(s3.url, endpoint=s3.endpoint, access_key=Secret(ACCESS_KEY), secret_key=Secret(secret))


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path, s3: S3Emulator) -> RecordingStore:
    return local_store(tmp_path / "recordings") if request.param == "folder" else bucket(s3)


def a_file(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "part.wav"
    path.write_bytes(content)
    return path


async def all_of(store: RecordingStore, key: str, start: int, end: int) -> bytes:
    return b"".join([chunk async for chunk in await store.open(key, start, end)])


@pytest.mark.parametrize("size", [1000, 6 * 1024 * 1024 + 17], ids=["small", "uploaded in parts"])
async def test_what_is_stored_is_read_back_whole_and_in_part(store: RecordingStore, tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    await store.put("proj_1/call_1/000.wav", a_file(tmp_path, content))
    assert await store.size("proj_1/call_1/000.wav") == size
    assert await all_of(store, "proj_1/call_1/000.wav", 0, size) == content
    assert await all_of(store, "proj_1/call_1/000.wav", 17, size - 3) == content[17:-3]


async def test_storing_again_replaces(store: RecordingStore, tmp_path: Path) -> None:
    await store.put("p/c/000.wav", a_file(tmp_path, b"first"))
    await store.put("p/c/000.wav", a_file(tmp_path, b"second"))
    assert await all_of(store, "p/c/000.wav", 0, 6) == b"second"


async def test_deleting_takes_what_was_named_and_nothing_beside_it(store: RecordingStore, tmp_path: Path) -> None:
    file = a_file(tmp_path, b"sound")
    for key in ("p/call_1/000.wav", "p/call_1/001.wav", "p/call_10/000.wav"):
        await store.put(key, file)
    await store.delete_all("p/call_1")
    for key in ("p/call_1/000.wav", "p/call_1/001.wav"):
        with pytest.raises(NotFound):
            await store.open(key, 0, 5)
    assert await all_of(store, "p/call_10/000.wav", 0, 5) == b"sound"
    await store.delete("p/call_10/000.wav")
    await store.delete("p/call_10/000.wav")
    with pytest.raises(NotFound):
        await store.size("p/call_10/000.wav")
    await store.delete_all("p/call_1")


async def test_a_folder_is_made_when_it_is_needed_and_is_its_owners_alone(tmp_path: Path) -> None:
    store = local_store(tmp_path / "recordings")
    assert not (tmp_path / "recordings").exists()
    await store.put("p/c/000.wav", a_file(tmp_path, b"sound"))
    assert stat.S_IMODE((tmp_path / "recordings").stat().st_mode) == 0o700


async def test_a_place_that_cannot_be_written_is_unavailable_until_it_can(tmp_path: Path) -> None:
    file, place = a_file(tmp_path, b"sound"), tmp_path / "place"
    place.write_bytes(b"")
    store = local_store(place / "recordings")
    with pytest.raises(Unavailable):
        await store.put("p/c/000.wav", file)
    place.unlink()
    await store.put("p/c/000.wav", file)
    assert await all_of(store, "p/c/000.wav", 0, 5) == b"sound"


async def test_a_bucket_keeps_its_prefix_and_is_signed_for(s3: S3Emulator, tmp_path: Path) -> None:
    await bucket(s3).put("p/c/000.wav", a_file(tmp_path, b"sound"))
    assert s3.objects == {"recordings/p/c/000.wav": b"sound"}
    with pytest.raises(Unavailable) as refused:
        await bucket(s3, "another secret").put("p/c/001.wav", a_file(tmp_path, b"sound"))
    assert "another secret" not in refused.value.message


@pytest.mark.parametrize("mood", ["unavailable", "cut"])
async def test_a_bucket_that_is_away_is_unavailable_and_well_again_later(
    s3: S3Emulator, tmp_path: Path, mood: Mood
) -> None:
    store, file = bucket(s3), a_file(tmp_path, b"sound")
    s3.mood = mood
    with pytest.raises(Unavailable):
        await store.put("p/c/000.wav", file)
    assert s3.objects == {}
    s3.mood = "well"
    await store.put("p/c/000.wav", file)
    assert await all_of(store, "p/c/000.wav", 0, 5) == b"sound"
