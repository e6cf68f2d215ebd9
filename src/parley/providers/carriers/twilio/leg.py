"""One call's Twilio media stream as a leg: one task reads the socket, one writes it.

The queue towards the phone is bounded in `outbound`; when it is full, two minutes of speech wait for a socket that
takes nothing, so the leg gives itself up as lost. Nothing here waits for the database, a provider or a customer.
"""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from parley.audio.formats import MULAW_8K, AudioFormat
from parley.domain.errors import Forbidden
from parley.providers.carriers.twilio.media import DtmfFrame, MarkFrame, MediaCodec, MediaFrame, StartFrame, StopFrame
from parley.providers.carriers.twilio.outbound import Outbound
from parley.providers.protocols import LegEvents, TextSocket

log = structlog.get_logger()

MAX_MESSAGES_BEFORE_START: Final = 10
"""Twilio sends one; a peer that talks on without starting is not Twilio."""

_TRY_AGAIN_LATER: Final = 1013


class TwilioLeg:
    """The `IncomingLeg` of one media stream. `play`, `flush` and `close` may be called before `run`."""

    audio_format: AudioFormat = MULAW_8K

    def __init__(self, socket: TextSocket) -> None:
        self._socket = socket
        self._codec = MediaCodec()
        self._outbound = Outbound(self._codec)
        self._work = asyncio.Event()
        self._end: str | None = None

    async def handshake(self) -> str:
        """The single-use token of the stream; Forbidden when no valid start arrives."""
        for _ in range(MAX_MESSAGES_BEFORE_START):
            text = await self._socket.receive()
            if text is None:
                break
            frame = self._codec.decode(text)
            if isinstance(frame, StartFrame):
                if not frame.is_playable or not frame.token:
                    break
                self._codec.opened(frame.stream_id)
                return frame.token
            if isinstance(frame, StopFrame):
                break
        raise Forbidden("This socket did not begin as a media stream with a token.")

    async def run(self, events: LegEvents) -> None:
        async with asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(self._read(events))
            writing = tasks.create_task(self._write())
            await asyncio.wait((reading, writing), return_when=asyncio.FIRST_COMPLETED)
            reading.cancel()
            writing.cancel()
        self._log_oddities()
        events.on_closed(self._end or "lost")

    def play(self, audio: bytes) -> None:
        if self._end is not None:
            return
        if not self._outbound.play(audio):
            log.warning("media_leg_full", carrier="twilio")
            self._finish("lost")
        self._work.set()

    def flush(self) -> None:
        self._outbound.flush()
        self._work.set()

    def close(self) -> None:
        self._finish("closed")

    def _finish(self, reason: str) -> None:
        if self._end is None:
            self._end = reason
        self._work.set()

    async def _read(self, events: LegEvents) -> None:
        receive, decode = self._socket.receive, self._codec.decode
        while (text := await receive()) is not None:
            frame = decode(text)
            if isinstance(frame, MediaFrame):
                if frame.media.track == "inbound":
                    events.on_audio(frame.media.payload)
            elif isinstance(frame, MarkFrame):
                position = self._outbound.on_mark(frame.mark.name)
                if position is not None:
                    events.on_played(position)
            elif isinstance(frame, DtmfFrame):
                events.on_key(frame.dtmf.digit)
            elif isinstance(frame, StopFrame):
                self._finish("stopped")
                return

    async def _write(self) -> None:
        while self._end is None:
            texts = self._outbound.take()
            if not texts:
                self._work.clear()
                await self._work.wait()
                continue
            for text in texts:
                await self._socket.send(text)
            # A socket with room never suspends us: let the other calls have their turn between two chunks.
            await asyncio.sleep(0)
        await self._socket.close(_TRY_AGAIN_LATER if self._end == "lost" else 1000)

    def _log_oddities(self) -> None:
        if self._codec.malformed_count or self._outbound.untrue_mark_count:
            log.warning(
                "media_messages_ignored",
                carrier="twilio",
                malformed=self._codec.malformed_count,
                unknown=self._codec.unknown_count,
                untrue_marks=self._outbound.untrue_mark_count,
            )
