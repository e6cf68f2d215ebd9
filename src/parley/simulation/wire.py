"""Twilio's side of the media stream, as text: what it sends, and how it reads what it is sent.

Written from Twilio's documentation and not from parley's own codec, so that each checks the other.
Source: twilio.com/docs/voice/media-streams/websocket-messages.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import Final

import msgspec

from parley.audio.formats import MULAW_8K

CONNECTED: Final = '{"event":"connected","protocol":"Call","version":"1.0.0"}'
_SILENCE: Final = b64encode(MULAW_8K.silence_byte * 160).decode("ascii")


class _Payload(msgspec.Struct, gc=False):
    payload: bytes


class _Name(msgspec.Struct, gc=False):
    name: str


class PlayMessage(msgspec.Struct, tag_field="event", tag="media", rename="camel", gc=False):
    """The server has audio for the caller."""

    stream_sid: str
    media: _Payload


class MarkMessage(msgspec.Struct, tag_field="event", tag="mark", rename="camel", gc=False):
    """The server wants to know when playback reaches this point."""

    stream_sid: str
    mark: _Name


class ClearMessage(msgspec.Struct, tag_field="event", tag="clear", rename="camel", gc=False):
    """The server takes back what was not played."""

    stream_sid: str


ServerMessage = PlayMessage | MarkMessage | ClearMessage

_server_messages: Final[msgspec.json.Decoder[ServerMessage]] = msgspec.json.Decoder(ServerMessage)


def read(text: bytes | str) -> ServerMessage | None:
    """What the server sent, or None for something Twilio would not accept."""
    try:
        return _server_messages.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None


class Narrator:
    """Writes one stream's messages, numbering them as Twilio does: as strings, from 1."""

    def __init__(self, account_sid: str, call_sid: str, stream_sid: str) -> None:
        self.stream_sid = stream_sid
        self._account_sid = account_sid
        self._call_sid = call_sid
        self._sequence = 0
        self._chunk = 0
        self._media_tail = f'"}},"streamSid":"{stream_sid}"}}'

    def _next(self) -> int:
        self._sequence += 1
        return self._sequence

    def start(self, parameters: Mapping[str, str]) -> str:
        body = {
            "event": "start",
            "sequenceNumber": str(self._next()),
            "start": {
                "accountSid": self._account_sid,
                "streamSid": self.stream_sid,
                "callSid": self._call_sid,
                "tracks": ["inbound"],
                "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
                "customParameters": dict(parameters),
            },
            "streamSid": self.stream_sid,
        }
        return msgspec.json.encode(body).decode()

    def media(self, audio: bytes | None) -> str:
        """20 ms of caller audio; None is silence."""
        self._sequence += 1
        self._chunk += 1
        payload = _SILENCE if audio is None else b64encode(audio).decode("ascii")
        return (
            f'{{"event":"media","sequenceNumber":"{self._sequence}","media":{{"track":"inbound","chunk":"{self._chunk}",'
            f'"timestamp":"{self._chunk * 20}","payload":"{payload}{self._media_tail}'
        )

    def dtmf(self, digit: str) -> str:
        return self._small("dtmf", {"track": "inbound_track", "digit": digit})

    def mark(self, name: str) -> str:
        return self._small("mark", {"name": name})

    def stop(self) -> str:
        return self._small("stop", {"accountSid": self._account_sid, "callSid": self._call_sid})

    def _small(self, event: str, body: Mapping[str, str]) -> str:
        message = {
            "event": event,
            "streamSid": self.stream_sid,
            "sequenceNumber": str(self._next()),
            event: dict(body),
        }
        return msgspec.json.encode(message).decode()
