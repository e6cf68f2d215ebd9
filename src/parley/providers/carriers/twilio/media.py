"""The wire of a Twilio media stream, without a socket: text in, typed frames out, and back.

Source: Twilio, "Media Streams - WebSocket Messages" (twilio.com/docs/voice/media-streams/websocket-messages). Audio is
mu-law, 8000 Hz, mono, base64; sequence numbers are strings and are not read, because a websocket keeps order.
"""

from __future__ import annotations

from binascii import b2a_base64
from typing import Final, Literal

import msgspec

MAX_MESSAGE_CHARS: Final = 65_536
"""A longer message is not read. A 20 ms media message has about 350 characters; this holds six seconds of audio."""

Digit = Literal["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "#"]


class _Wire(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """Base of everything read from the wire: fields nobody needs are skipped, not built."""


class _Payload(_Wire, frozen=True):
    payload: bytes
    track: str = "inbound"


class _Key(_Wire, frozen=True):
    digit: Digit


class _Name(_Wire, frozen=True):
    name: str


class MediaFormat(_Wire, frozen=True):
    """The stream's audio format as Twilio announces it."""

    encoding: str = "audio/x-mulaw"
    sample_rate: int = 8000
    channels: int = 1


class _Start(_Wire, frozen=True):
    stream_sid: str = ""
    call_sid: str = ""
    custom_parameters: dict[str, str] = {}
    media_format: MediaFormat = MediaFormat()


class ConnectedFrame(_Wire, frozen=True, tag_field="event", tag="connected"):
    """The first message of every stream."""


class StartFrame(_Wire, frozen=True, tag_field="event", tag="start"):
    """The stream begins; carries its id and the parameters of the TwiML that asked for it."""

    start: _Start
    stream_sid: str = ""

    @property
    def stream_id(self) -> str:
        return self.stream_sid or self.start.stream_sid

    @property
    def token(self) -> str:
        return self.start.custom_parameters.get("token", "")

    @property
    def is_playable(self) -> bool:
        """Whether this stream can be spoken with: it has an id and the one format Twilio documents."""
        return bool(self.stream_id) and self.start.media_format == MediaFormat()


class MediaFrame(_Wire, frozen=True, tag_field="event", tag="media"):
    """Audio of one track, usually 20 ms of it."""

    media: _Payload


class DtmfFrame(_Wire, frozen=True, tag_field="event", tag="dtmf"):
    """The caller pressed a key."""

    dtmf: _Key


class MarkFrame(_Wire, frozen=True, tag_field="event", tag="mark"):
    """One of our marks comes back: its audio was played, or was cleared. Twilio does not say which."""

    mark: _Name


class StopFrame(_Wire, frozen=True, tag_field="event", tag="stop"):
    """The stream is over."""


Frame = ConnectedFrame | StartFrame | MediaFrame | DtmfFrame | MarkFrame | StopFrame

_KNOWN: Final = frozenset({"connected", "start", "media", "dtmf", "mark", "stop"})
_frames: Final[msgspec.json.Decoder[Frame]] = msgspec.json.Decoder(Frame)


class _Event(msgspec.Struct, gc=False):
    event: str


_events: Final = msgspec.json.Decoder(_Event)


class MediaCodec:
    """Reads one stream's messages and writes its answers. A message that makes no sense is counted, never fatal.

    `malformed_count` counts known events that were wrong and things that were no message at all; `unknown_count` events
    this version does not know.
    """

    def __init__(self) -> None:
        self.malformed_count = 0
        self.unknown_count = 0
        self.opened("")

    def opened(self, stream_id: str) -> None:
        """Address everything written from here on to this stream."""
        address = f'"streamSid":{msgspec.json.encode(stream_id).decode()}'
        self._media_head = f'{{"event":"media",{address},"media":{{"payload":"'
        self._mark_head = f'{{"event":"mark",{address},"mark":{{"name":"'
        self._clear = f'{{"event":"clear",{address}}}'

    def decode(self, text: str) -> Frame | None:
        """The frame in `text`, or None when there is none worth having."""
        if len(text) > MAX_MESSAGE_CHARS:
            self.malformed_count += 1
            return None
        try:
            return _frames.decode(text)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            self._count(text)
            return None

    def _count(self, text: str) -> None:
        try:
            known = _events.decode(text).event in _KNOWN
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            known = True
        if known:
            self.malformed_count += 1
        else:
            self.unknown_count += 1

    def media(self, audio: bytes) -> str:
        """A message that plays `audio` (mu-law, any length) behind what is already buffered at the phone."""
        return f'{self._media_head}{b2a_base64(audio, newline=False).decode("ascii")}"}}}}'

    def mark(self, name: str) -> str:
        """A message that comes back once the audio before it was played or cleared. `name` needs no JSON escapes."""
        return f'{self._mark_head}{name}"}}}}'

    def clear(self) -> str:
        """A message that drops all audio buffered at the phone; the marks in it come back at once."""
        return self._clear
