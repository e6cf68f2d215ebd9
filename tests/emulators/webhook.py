"""A customer's webhook: a plain function decides what is answered; what came is kept, its signature checked.

    async with WebhookEmulator(lambda event: {"text": "Hello!"}) as webhook:
        ...                          # webhook.url, webhook.secret
        webhook.turns[0]["data"]["transcript"]

The function is given a voice `agent.message`; every other event is answered 200 with no body. It returns a dict (plain
JSON), a list of dicts (NDJSON, sent one after the other) or an `Answer` for everything that a good server would not do.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ssl import SSLContext
from types import TracebackType
from typing import Any, Self

from parley.domain.errors import Forbidden
from parley.domain.secrets import Secret
from parley.domain.webhooks import new_secret, verify
from tests.emulators.http_server import Answer, Ending, HttpServer, Request

Event = dict[str, Any]
Decide = Callable[[Event], "dict[str, Any] | Sequence[dict[str, Any]] | Answer"]

NDJSON = "application/x-ndjson"


@dataclass(frozen=True)
class Received:
    """One request: the event, whether its signature was good, and when it came (`time.monotonic` seconds)."""

    event: Event
    headers: dict[str, str]
    message_id: str
    is_signed: bool
    at_s: float
    connection: int


class WebhookEmulator:
    """Its own URL and secret; `status` other than 200 is answered to every event that is not a voice turn."""

    def __init__(self, decide: Decide, *, secret: Secret | None = None, tls: SSLContext | None = None) -> None:
        self.decide = decide
        self.secret = secret or new_secret()
        self.received: list[Received] = []
        self.status = 200
        self.server = HttpServer(self._handle, tls)
        self._arrived = asyncio.Condition()

    @property
    def url(self) -> str:
        return f"{self.server.url}/webhook"

    @property
    def events(self) -> list[Event]:
        return [one.event for one in self.received]

    @property
    def turns(self) -> list[Event]:
        """The voice turns, in the order they came."""
        return [event for event in self.events if _is_turn(event)]

    async def wait_for(self, name: str, count: int = 1, timeout_s: float = 60.0) -> list[Event]:
        """The events of that name as soon as there are `count`. Raises TimeoutError."""

        def named() -> list[Event]:
            return [event for event in self.events if event.get("event") == name]

        async with asyncio.timeout(timeout_s), self._arrived:
            await self._arrived.wait_for(lambda: len(named()) >= count)
        return named()

    async def __aenter__(self) -> Self:
        await self.server.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.server.__aexit__(kind, error, trace)

    async def _handle(self, request: Request) -> Answer:
        try:
            message_id, is_signed = verify(self.secret, request.headers, request.body, now_s=time.time()), True
        except Forbidden:
            message_id, is_signed = "", False
        event: Event = json.loads(request.body)
        self.received.append(
            Received(event, request.headers, message_id, is_signed, time.monotonic(), request.connection)
        )
        async with self._arrived:
            self._arrived.notify_all()
        if not is_signed:
            return Answer(status=401)
        if not _is_turn(event):
            return Answer(status=self.status)
        decided = self.decide(event)
        if isinstance(decided, Answer):
            return decided
        return plain(decided) if isinstance(decided, dict) else ndjson(*decided)


def _is_turn(event: Event) -> bool:
    return event.get("event") == "agent.message" and event.get("channel") == "voice"


def plain(body: Any, *, delay_s: float = 0.0, content_type: str = "application/json") -> Answer:
    """One JSON document, whatever it is."""
    return Answer([json.dumps(body).encode()], delay_s=delay_s, content_type=content_type)


def ndjson(*lines: dict[str, Any], gap_s: float = 0.0, ending: Ending = "complete", delay_s: float = 0.0) -> Answer:
    """One line after the other, each in a piece of its own, `gap_s` apart."""
    pieces: list[bytes | float] = []
    for line in lines:
        pieces += [json.dumps(line).encode() + b"\n", gap_s]
    return Answer(pieces[:-1] or [b""], content_type=NDJSON, ending=ending, delay_s=delay_s)


def raw(*pieces: bytes | float, content_type: str = NDJSON, status: int = 200) -> Answer:
    """Exactly these bytes and pauses, in chunks."""
    return Answer([*pieces, 0.0], content_type=content_type, status=status)


SILENT = Answer(ending="hang", sends_head=False)
"""Accepts the request and never answers."""

DEAD = Answer(ending="cut", sends_head=False)
"""Accepts the request and closes the connection."""

HTML = raw(b"<html>\n<body>\n<h1>It works!</h1>\n</body>\n</html>\n", content_type="text/html")
EMPTY = Answer()
GARBAGE = raw(b"\x00\xff{{{\n]]\n\xfe\n")
