"""What has to go to the phone, how far it got there, and what of it was truly played. No socket, no clock.

Every chunk of audio is followed by a mark that carries its generation and its byte position. Twilio returns marks both
when their audio was played and when it was cleared, and an echo may cross our `clear` on the wire; so a flush starts a
new generation and an echo of an older one says nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

from parley.audio.formats import MULAW_8K
from parley.providers.carriers.twilio.media import MediaCodec

CHUNK_BYTES: Final = MULAW_8K.bytes_in(400)
"""Audio per message: long enough to cost nothing, short enough that marks tell where the phone is."""

FIRST_CHUNK_BYTES: Final = MULAW_8K.bytes_in(100)
"""The first chunk after silence is short, so that its mark soon confirms that the caller hears something."""

MAX_QUEUED_BYTES: Final = MULAW_8K.bytes_in(120_000)
"""Two minutes of speech the socket would not take: the phone at the other end is gone, whatever its socket says."""


class Outbound:
    """Audio and `clear`s on their way to one phone; positions are bytes since the leg began or was flushed.

    `untrue_mark_count` counts echoes of marks that were never sent or were confirmed before.
    """

    def __init__(self, codec: MediaCodec) -> None:
        self._codec = codec
        self._pieces: deque[bytes] = deque()
        self._head_offset = 0
        self._queued_bytes = 0
        self._clear_is_due = False
        self._generation = 0
        self._sent_bytes = 0
        self._played_bytes = 0
        self.untrue_mark_count = 0

    def play(self, audio: bytes) -> bool:
        """Queue audio. False, and nothing is queued, when two minutes are waiting already."""
        if self._queued_bytes and self._queued_bytes + len(audio) > MAX_QUEUED_BYTES:
            return False
        if audio:
            self._pieces.append(audio)
            self._queued_bytes += len(audio)
        return True

    def flush(self) -> None:
        """Forget what was not sent and have cleared what was. Positions begin again at 0."""
        if self._sent_bytes:
            self._clear_is_due = True
            self._generation += 1
            self._sent_bytes = 0
            self._played_bytes = 0
        self._pieces.clear()
        self._head_offset = 0
        self._queued_bytes = 0

    def take(self) -> Sequence[str]:
        """The next messages to send, empty when there are none: a clear first, else a chunk and its mark."""
        if self._clear_is_due:
            self._clear_is_due = False
            return (self._codec.clear(),)
        if not self._queued_bytes:
            return ()
        phone_is_silent = self._played_bytes == self._sent_bytes
        chunk = self._cut(FIRST_CHUNK_BYTES if phone_is_silent else CHUNK_BYTES)
        self._sent_bytes += len(chunk)
        return self._codec.media(chunk), self._codec.mark(f"{self._generation}:{self._sent_bytes}")

    def _cut(self, limit: int) -> bytes:
        parts: list[bytes] = []
        wanted = min(limit, self._queued_bytes)
        self._queued_bytes -= wanted
        while wanted:
            head = self._pieces[0]
            part = head[self._head_offset : self._head_offset + wanted]
            parts.append(part)
            wanted -= len(part)
            self._head_offset += len(part)
            if self._head_offset == len(head):
                self._pieces.popleft()
                self._head_offset = 0
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def on_mark(self, name: str) -> int | None:
        """The position that the echo of mark `name` newly confirms as played, if it confirms any."""
        generation, _, position_text = name.partition(":")
        if generation != str(self._generation):
            return None
        # Only what we could have written counts: int() would also accept signs, spaces and other scripts' digits.
        position = int(position_text) if position_text.isascii() and position_text.isdigit() else 0
        if not self._played_bytes < position <= self._sent_bytes:
            self.untrue_mark_count += 1
            return None
        self._played_bytes = position
        return position
