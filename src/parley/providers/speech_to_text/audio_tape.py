"""The last seconds of what a caller said, kept until the recogniser has settled them."""

from __future__ import annotations


class AudioTape:
    """Bounded memory of one stream of audio, addressed by byte position since the stream began.

    When it is full the oldest audio goes, whether it was settled or not: words in it are lost only if the connection is
    lost too, and for longer than the tape.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._audio = bytearray()
        self.start = 0
        """Position of the oldest byte still kept."""

    @property
    def end(self) -> int:
        """Position after the newest byte."""
        return self.start + len(self._audio)

    def append(self, audio: bytes) -> None:
        self._audio += audio
        if len(self._audio) > self._limit_bytes:
            self.forget(self.end - self._limit_bytes)

    def forget(self, position: int) -> None:
        """Nothing before `position` will be asked for any more."""
        if position > self.start:
            position = min(position, self.end)
            del self._audio[: position - self.start]
            self.start = position

    def read(self, position: int, limit_bytes: int) -> bytes:
        """At most `limit_bytes` from `position` on, or from the oldest kept byte if that is later."""
        at = max(position - self.start, 0)
        return bytes(self._audio[at : at + limit_bytes])
