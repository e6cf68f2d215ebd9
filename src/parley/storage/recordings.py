"""The store of recordings: a folder, or a bucket that speaks S3. Both through one library, so both behave alike."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from parley.domain.errors import ConfigurationError, NotFound, Unavailable
from parley.domain.secrets import Secret

if TYPE_CHECKING:
    from obstore.store import ObjectStore, S3Config

_CHUNK_BYTES = 1024 * 1024
_ANSWER_TIMEOUT = timedelta(seconds=30)
_RETRY_FOR = timedelta(seconds=20)


class RecordingStore:
    """Files under keys like `project/call/part.wav`. Everything raises Unavailable while the store cannot be reached.

    Files are written whole or not at all. The store is opened when it is first needed: who records nothing needs none.
    """

    def __init__(self, open_store: Callable[[], ObjectStore]) -> None:
        self._open_store = open_store

    @cached_property
    def _objects(self) -> ObjectStore:
        return self._open_store()

    async def put(self, key: str, path: Path) -> None:
        """Store a file's content under `key`, in place of what was there."""
        import obstore

        with _named():
            await obstore.put_async(self._objects, key, path)

    async def put_bytes(self, key: str, content: bytes) -> None:
        """Store a file's content, held in memory, under `key`, in place of what was there."""
        import obstore

        with _named():
            await obstore.put_async(self._objects, key, content)

    async def open(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        """Bytes `start` to `end` (not included) in chunks. Raises NotFound before the first of them.

        Each chunk is a request of its own, so that a listener may take all the time there is.
        """
        first = await self._chunk(key, start, end)
        return self._chunks(key, first, start + len(first), end)

    async def _chunk(self, key: str, start: int, end: int) -> bytes:
        import obstore

        with _named():
            last = min(start + _CHUNK_BYTES, end)
            return bytes(await obstore.get_range_async(self._objects, key, start=start, end=last))

    async def _chunks(self, key: str, first: bytes, start: int, end: int) -> AsyncIterator[bytes]:
        yield first
        while start < end:
            chunk = await self._chunk(key, start, end)
            start += len(chunk)
            yield chunk

    async def size(self, key: str) -> int:
        """Raises NotFound."""
        import obstore

        with _named():
            return (await obstore.head_async(self._objects, key))["size"]

    async def delete(self, key: str) -> None:
        """Delete one file; one that is gone already is no error."""
        import obstore

        try:
            with _named():
                await obstore.delete_async(self._objects, key)
        except NotFound:
            return

    async def delete_all(self, folder: str) -> None:
        """Delete every file whose key begins with `folder/`."""
        import obstore

        with _named():
            found = await obstore.list(self._objects, prefix=folder).collect_async()
        for each in found:
            await self.delete(each["path"])


def local_store(folder: Path) -> RecordingStore:
    """Files in a folder of this machine, made when it is needed, and readable by this user alone."""

    def opened() -> ObjectStore:
        from obstore.store import LocalStore

        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return LocalStore(prefix=folder.resolve(), automatic_cleanup=True)

    return RecordingStore(opened)


def s3_store(
    url: str,
    *,
    endpoint: str | None = None,
    region: str | None = None,
    access_key: Secret | None = None,
    secret_key: Secret | None = None,
) -> RecordingStore:
    """A bucket at `s3://bucket/prefix`. What is None comes from where AWS's own tools look (environment, machine role).

    Another `endpoint` is any S3-compatible server; http is allowed there. Raises ConfigurationError.
    """
    from obstore.exceptions import BaseError
    from obstore.store import S3Store

    parts = urlsplit(url)
    config: S3Config = {"disable_bulk_delete": True}  # which not every compatible server has
    if endpoint:
        config["endpoint"], config["virtual_hosted_style_request"] = endpoint, False
    if region or endpoint:
        config["region"] = region or "us-east-1"
    if access_key and secret_key:
        config["access_key_id"], config["secret_access_key"] = access_key.reveal(), secret_key.reveal()
    try:
        objects = S3Store(
            parts.netloc,
            prefix=parts.path.strip("/") or None,
            config=config,
            client_options={
                "timeout": _ANSWER_TIMEOUT,
                "allow_http": bool(endpoint and endpoint.startswith("http:")),
                "default_content_type": "audio/wav",
            },
            retry_config={"max_retries": 3, "retry_timeout": _RETRY_FOR},
        )
    except BaseError as error:
        raise ConfigurationError(f"PARLEY_RECORDINGS_URL cannot be used: {type(error).__name__}.") from None
    return RecordingStore(lambda: objects)


@contextmanager
def _named() -> Iterator[None]:
    """The library's errors quote URLs and headers: only what happened is passed on, in our own words."""
    from obstore.exceptions import BaseError, NotFoundError

    try:
        yield
    except (NotFoundError, FileNotFoundError):
        raise NotFound("The recording's file is no longer in the store.") from None
    except (BaseError, OSError) as error:
        raise Unavailable(
            f"The store of recordings does not answer ({type(error).__name__}). Try again in a moment."
        ) from None
