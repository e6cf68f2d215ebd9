"""An ASGI websocket as the carriers' codecs need it: text in, text out, and nothing in between.

Fifty messages a second and call pass here, so no framework object is built for a message.
"""

from __future__ import annotations

from starlette.types import Receive, Send

POLICY_VIOLATION = 1008
UNSUPPORTED_DATA = 1003
TRY_AGAIN_LATER = 1013


class AsgiTextSocket:
    """Implements `providers.protocols.TextSocket` over an ASGI connection."""

    __slots__ = ("_is_open", "_receive", "_send")

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._is_open = False

    async def accept(self) -> bool:
        """Complete the websocket handshake; False when the client is gone already."""
        if (await self._receive())["type"] != "websocket.connect":
            return False
        await self._send({"type": "websocket.accept"})
        self._is_open = True
        return True

    async def receive(self) -> str | None:
        if not self._is_open:
            return None
        message = await self._receive()
        if message["type"] == "websocket.receive":
            text: str | None = message.get("text")
            if text is not None:
                return text
            await self.close(UNSUPPORTED_DATA)
        self._is_open = False
        return None

    async def send(self, text: str) -> None:
        if self._is_open:
            await self._hand_over({"type": "websocket.send", "text": text})

    async def close(self, code: int = 1000) -> None:
        if self._is_open:
            self._is_open = False
            await self._hand_over({"type": "websocket.close", "code": code})

    async def _hand_over(self, message: dict[str, str | int]) -> None:
        try:
            await self._send(message)
        except OSError:  # the other side left; `receive` says so too
            self._is_open = False
