"""One media stream of a simulated call, from the carrier's side."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from parley.simulation import wire
from parley.simulation.handset import Handset
from parley.simulation.websocket import PhoneSocket


class MediaStream:
    """Carries a handset's audio to a media server and plays what the server sends.

    Marks come back when they are played, and all at once on `clear`; `complaints` holds what Twilio would have reported
    to the console as an error, one sentence each.
    """

    def __init__(self, narrator: wire.Narrator, handset: Handset) -> None:
        self._narrator = narrator
        self._handset = handset
        self._socket: PhoneSocket | None = None
        self._closed = asyncio.Event()
        self.complaints: list[str] = []

    async def run(self, url: str, parameters: Mapping[str, str]) -> None:
        """Open the stream and return when the server has closed it or the connection broke.

        Raises OSError when the stream cannot be opened.
        """
        self._socket = await PhoneSocket.open(url, self.on_text, self._closed.set)
        self._socket.send(wire.CONNECTED)
        self._socket.send(self._narrator.start(parameters))
        self._handset.connect(self)
        try:
            await self._closed.wait()
        finally:
            self._handset.disconnect(self)

    def stop(self) -> None:
        """The carrier ends the stream: say so and close."""
        self._handset.disconnect(self)
        if self._socket is not None:
            self._socket.send(self._narrator.stop())
            self._socket.close()

    @property
    def socket(self) -> PhoneSocket:
        """The open socket, for tests that misuse it. Raises ConnectionError before the stream is open."""
        if self._socket is None:
            raise ConnectionError("The media stream is not open yet.")
        return self._socket

    def press(self, digit: str) -> None:
        """The caller pressed a key."""
        self.socket.send(self._narrator.dtmf(digit))

    def carry(self, audio: bytes | None) -> None:
        """Send 20 ms of the caller's audio."""
        if self._socket is not None:
            self._socket.send(self._narrator.media(audio))

    def return_marks(self, names: Sequence[str]) -> None:
        """Give marks back to the server, in order."""
        for name in names:
            self.socket.send(self._narrator.mark(name))

    def on_text(self, text: bytes) -> None:
        """The server sent a message."""
        message = wire.read(text)
        now = asyncio.get_running_loop().time()
        if message is None:
            self.complaints.append("The server sent a message that is not in the protocol.")
        elif message.stream_sid != self._narrator.stream_sid:
            self.complaints.append("The server addressed a stream that is not this one.")
        elif isinstance(message, wire.PlayMessage):
            self._handset.playout.arrive(message.media.payload, now)
        elif isinstance(message, wire.MarkMessage):
            self._handset.playout.mark(message.mark.name)
        else:
            self.return_marks(self._handset.playout.clear(now))
