"""S3 on loopback: one bucket, path-style, every request's signature checked (AWS Signature Version 4), with moods.

What is spoken: PUT, GET with a range, HEAD, DELETE, ListObjectsV2, and uploads in parts, after the Amazon S3 API
Reference (version 2006-03-01).
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import itertools
import re
from types import TracebackType
from typing import Final, Literal, Self
from urllib.parse import parse_qsl, quote, unquote, urlsplit
from xml.sax.saxutils import escape

from tests.emulators.http_server import Answer, HttpServer, Request

ACCESS_KEY: Final = "AKIATEST"
SECRET_KEY: Final = "a-secret-access-key-for-tests"
BUCKET: Final = "calls"
REGION: Final = "us-east-1"

Mood = Literal["well", "unavailable", "cut", "slow"]


class S3Emulator:
    """`objects` is what is stored. In the mood "slow" nothing is answered before `let_go` is set."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.mood: Mood = "well"
        self.let_go = asyncio.Event()
        self.requests: list[tuple[str, str]] = []
        self._uploads: dict[str, dict[int, bytes]] = {}
        self._names = (f"upload{number}" for number in itertools.count(1))
        self._http = HttpServer(self._answer)

    @property
    def endpoint(self) -> str:
        return self._http.url

    @property
    def url(self) -> str:
        return f"s3://{BUCKET}/recordings"

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.__aexit__(kind, error, trace)

    async def _answer(self, request: Request) -> Answer:
        parts = urlsplit(request.path)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        bucket, _, key = unquote(parts.path).lstrip("/").partition("/")
        self.requests.append((request.method, key))
        if self.mood == "slow":
            await self.let_go.wait()
        if self.mood == "unavailable":
            return _error(503, "SlowDown")
        if self.mood == "cut":
            return Answer((b"x",), ending="cut", sends_head=False)
        if not _is_signed(request):
            return _error(403, "SignatureDoesNotMatch")
        if bucket != BUCKET:
            return _error(404, "NoSuchBucket")
        return self._on_object(request, key, query) if key else self._listed(query.get("prefix", ""))

    def _on_object(self, request: Request, key: str, query: dict[str, str]) -> Answer:
        if "uploads" in query or "uploadId" in query:
            return self._on_upload(request, key, query)
        if request.method == "PUT":
            self.objects[key] = request.body
            return Answer(headers={"etag": _etag(request.body)})
        if request.method == "DELETE":
            self.objects.pop(key, None)
            return Answer(status=204)
        content = self.objects.get(key)
        if content is None:
            return _error(404, "NoSuchKey")
        return _content(content, request.headers.get("range", ""))

    def _on_upload(self, request: Request, key: str, query: dict[str, str]) -> Answer:
        if "uploads" in query:
            name = next(self._names)
            self._uploads[name] = {}
            return _xml("InitiateMultipartUploadResult", f"<Key>{escape(key)}</Key><UploadId>{name}</UploadId>")
        name = query["uploadId"]
        if name not in self._uploads:
            return _error(404, "NoSuchUpload")
        if request.method == "PUT":
            self._uploads[name][int(query["partNumber"])] = request.body
            return Answer(headers={"etag": _etag(request.body)})
        parts = self._uploads.pop(name)
        if request.method == "DELETE":
            return Answer(status=204)
        named = re.findall(rb"<PartNumber>(\d+)</PartNumber>", request.body)
        self.objects[key] = b"".join(parts[int(number)] for number in named)
        return _xml("CompleteMultipartUploadResult", f"<Key>{escape(key)}</Key><ETag>{_etag(self.objects[key])}</ETag>")

    def _listed(self, prefix: str) -> Answer:
        found = sorted(key for key in self.objects if key.startswith(prefix))
        rows = "".join(
            f"<Contents><Key>{escape(key)}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
            f"<ETag>{_etag(self.objects[key])}</ETag><Size>{len(self.objects[key])}</Size></Contents>"
            for key in found
        )
        head = f"<Name>{BUCKET}</Name><KeyCount>{len(found)}</KeyCount><IsTruncated>false</IsTruncated>"
        return _xml("ListBucketResult", head + rows)


def _content(content: bytes, wanted: str) -> Answer:
    headers = {"etag": _etag(content), "last-modified": "Thu, 01 Jan 2026 00:00:00 GMT"}
    span = re.fullmatch(r"bytes=(\d+)-(\d+)", wanted)
    if span is None:
        return Answer((content,), content_type="audio/wav", headers=headers)
    first, last = int(span[1]), min(int(span[2]), len(content) - 1)
    headers["content-range"] = f"bytes {first}-{last}/{len(content)}"
    return Answer((content[first : last + 1],), status=206, content_type="audio/wav", headers=headers)


def _etag(content: bytes) -> str:
    return f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'


def _xml(root: str, inside: str, status: int = 200) -> Answer:
    text = f'<?xml version="1.0" encoding="UTF-8"?><{root}>{inside}</{root}>'
    return Answer((text.encode(),), status=status, content_type="application/xml")


def _error(status: int, code: str) -> Answer:
    return _xml("Error", f"<Code>{code}</Code><Message>No.</Message>", status)


def _is_signed(request: Request) -> bool:
    """Whether the request carries the signature that the secret key makes for exactly it."""
    shown = re.fullmatch(
        r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/s3/aws4_request, ?"
        r"SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})",
        request.headers.get("authorization", ""),
    )
    if shown is None or shown[1] != ACCESS_KEY:
        return False
    day, region, names, signature = shown.groups()[1:]
    parts = urlsplit(request.path)
    pairs = sorted((quote(k, "~"), quote(v, "~")) for k, v in parse_qsl(parts.query, keep_blank_values=True))
    signed = "".join(f"{name}:{request.headers[name]}\n" for name in names.split(";"))
    query = "&".join(f"{k}={v}" for k, v in pairs)
    payload = request.headers["x-amz-content-sha256"]
    canonical = "\n".join((request.method, parts.path, query, signed, names, payload))
    scope = f"{day}/{region}/s3/aws4_request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    to_sign = f"AWS4-HMAC-SHA256\n{request.headers['x-amz-date']}\n{scope}\n{digest}"
    key = f"AWS4{SECRET_KEY}".encode()
    for step in (day, region, "s3", "aws4_request"):
        key = hmac.digest(key, step.encode(), "sha256")
    return hmac.compare_digest(hmac.digest(key, to_sign.encode(), "sha256").hex(), signature)
