"""The smallest phone platform there is: real webhooks, a real websocket, the real Twilio adapter, and no agent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from parley.domain.errors import Forbidden
from parley.domain.secrets import Secret
from parley.providers.carriers.twilio import messages, twiml, webhooks
from parley.providers.carriers.twilio.leg import TwilioLeg
from parley.providers.protocols import CallReport, IncomingMessage, MessageReport
from parley.simulation.serving import LoopbackServer


class StarletteSocket:
    """A `TextSocket` over the web framework's own."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket

    async def receive(self) -> str | None:
        try:
            return await self._socket.receive_text()
        except (WebSocketDisconnect, RuntimeError):
            return None

    async def send(self, text: str) -> None:
        try:
            await self._socket.send_text(text)
        except (WebSocketDisconnect, RuntimeError):
            return

    async def close(self, code: int = 1000) -> None:
        try:
            await self._socket.close(code)
        except (WebSocketDisconnect, RuntimeError):
            return


class Session:
    """One media stream as the platform sees it."""

    def __init__(self, leg: TwilioLeg, platform: TinyPlatform) -> None:
        self.leg = leg
        self.platform = platform
        self.audio = bytearray()
        self.positions: list[int] = []
        self.keys: list[str] = []
        self.closed: list[str] = []
        self._is_closed = asyncio.Event()

    def on_audio(self, audio: bytes) -> None:
        self.audio += audio
        self.platform.on_audio(self)

    def on_played(self, position: int) -> None:
        self.positions.append(position)

    def on_key(self, digit: str) -> None:
        self.keys.append(digit)

    def on_closed(self, reason: str) -> None:
        self.closed.append(reason)
        self._is_closed.set()

    async def until_closed(self) -> list[str]:
        """Why it was closed: the carrier's last word, which may come after what its requests tell of the end."""
        async with asyncio.timeout(60):
            await self._is_closed.wait()
        return self.closed


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something is so that nobody tells of."""
    async with asyncio.timeout(60):
        while not holds():
            await asyncio.sleep(0.01)


def _nothing(_: Session) -> None:
    """Nobody is interested."""


class TinyPlatform:
    """Answers every call with a stream. `documents` replaces the answer of a path; `reports` holds status callbacks.

    `public_url`, where set, is the address it is known by and names itself.
    """

    def __init__(self, auth_token: str) -> None:
        self.auth_token = Secret(auth_token)
        self.public_url = ""
        self.sessions: list[Session] = []
        self.changed = asyncio.Condition()
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.reports: list[CallReport] = []
        self.texts: list[IncomingMessage] = []
        self.text_reports: list[MessageReport] = []
        self.documents: dict[str, str] = {"/after": twiml.hangup()}
        self.on_session: Callable[[Session], None] = _nothing
        self.on_audio: Callable[[Session], None] = _nothing
        routes = [
            Route("/status", self._status, methods=["POST"]),
            Route("/message", self._message, methods=["POST"]),
            Route("/message-status", self._message_status, methods=["POST"]),
            Route("/{path}", self._document, methods=["POST"]),
            WebSocketRoute("/media", self._media),
        ]
        self._server = LoopbackServer(Starlette(routes=routes), has_websockets=True)

    @property
    def url(self) -> str:
        return self._server.url

    @property
    def _known_as(self) -> str:
        return self.public_url or self.url

    async def __aenter__(self) -> Self:
        await self._server.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._server.__aexit__(kind, error, trace)

    async def asked_at(self, path: str) -> dict[str, str]:
        """What was last said at this path, once it was asked."""
        async with asyncio.timeout(60), self.changed:
            await self.changed.wait_for(lambda: path in dict(self.asked))
        return dict(self.asked)[path]

    async def session(self, index: int) -> Session:
        """The session with this index, once it is there."""
        async with asyncio.timeout(60), self.changed:
            await self.changed.wait_for(lambda: len(self.sessions) > index)
        return self.sessions[index]

    async def _verified(self, request: Request) -> bytes | None:
        body = await request.body()
        try:
            webhooks.verify(self.auth_token, self._known_as + request.url.path, request.headers, body)
        except Forbidden:
            return None
        return body

    async def _document(self, request: Request) -> Response:
        body = await self._verified(request)
        if body is None:
            return Response(status_code=403)
        async with self.changed:
            self.asked.append((request.url.path, dict(parse_qsl(body.decode()))))
            self.changed.notify_all()
        webhooks.read_ringing(body)
        stream = twiml.connect(self._known_as.replace("http", "ws") + "/media", "t0ken", self._known_as + "/after")
        return Response(self.documents.get(request.url.path, stream), media_type="text/xml")

    async def _status(self, request: Request) -> Response:
        body = await self._verified(request)
        if body is None:
            return Response(status_code=403)
        self.reports.append(webhooks.read_report(body))
        return Response(status_code=204)

    async def _message(self, request: Request) -> Response:
        body = await self._verified(request)
        if body is None:
            return Response(status_code=403)
        self.texts.append(messages.read_message(body))
        return Response(twiml.nothing(), media_type="text/xml")

    async def _message_status(self, request: Request) -> Response:
        body = await self._verified(request)
        if body is None:
            return Response(status_code=403)
        self.text_reports.append(messages.read_report(body))
        return Response(status_code=204)

    async def _media(self, socket: WebSocket) -> None:
        await socket.accept()
        leg = TwilioLeg(StarletteSocket(socket))
        try:
            async with asyncio.timeout(60):
                token = await leg.handshake()
        except (Forbidden, TimeoutError):
            await socket.close(1008)
            return
        assert token == "t0ken"
        session = Session(leg, self)
        async with self.changed:
            self.sessions.append(session)
            self.changed.notify_all()
        self.on_session(session)
        await leg.run(session)
