"""The media codec: what Twilio documents is read, everything else is survived."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.providers.carriers.twilio.media import (
    MAX_MESSAGE_CHARS,
    ConnectedFrame,
    DtmfFrame,
    MarkFrame,
    MediaCodec,
    MediaFrame,
    StartFrame,
    StopFrame,
)

START = {
    "event": "start",
    "sequenceNumber": "1",
    "start": {
        "accountSid": "AC1",
        "streamSid": "MZ1",
        "callSid": "CA1",
        "tracks": ["inbound"],
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        "customParameters": {"token": "secret", "other": "x"},
    },
    "streamSid": "MZ1",
}

json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


def decode(message: object) -> object:
    return MediaCodec().decode(json.dumps(message))


def test_start_carries_token_and_ids() -> None:
    frame = decode(START)
    assert isinstance(frame, StartFrame)
    assert (frame.stream_id, frame.token, frame.start.call_sid, frame.is_playable) == ("MZ1", "secret", "CA1", True)


def test_start_without_the_documented_format_is_not_playable() -> None:
    start = json.loads(json.dumps(START))
    start["start"]["mediaFormat"]["encoding"] = "audio/x-l16"
    frame = decode(start)
    assert isinstance(frame, StartFrame)
    assert not frame.is_playable


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ({"event": "connected", "protocol": "Call", "version": "1.0.0"}, ConnectedFrame),
        ({"event": "stop", "sequenceNumber": "5", "streamSid": "MZ1", "stop": {"callSid": "CA1"}}, StopFrame),
    ],
)
def test_bare_events(message: object, kind: type) -> None:
    assert isinstance(decode(message), kind)


def test_key_and_mark() -> None:
    key = decode({"event": "dtmf", "streamSid": "MZ1", "dtmf": {"track": "inbound_track", "digit": "#"}})
    assert isinstance(key, DtmfFrame)
    assert key.dtmf.digit == "#"
    mark = decode({"event": "mark", "streamSid": "MZ1", "sequenceNumber": "4", "mark": {"name": "0:160"}})
    assert isinstance(mark, MarkFrame)
    assert mark.mark.name == "0:160"


@given(audio=st.binary(max_size=2000), track=st.sampled_from(["inbound", "outbound"]))
def test_any_audio_arrives_unchanged(audio: bytes, track: str) -> None:
    payload = base64.b64encode(audio).decode()
    frame = decode({"event": "media", "media": {"track": track, "chunk": "1", "timestamp": "5", "payload": payload}})
    assert isinstance(frame, MediaFrame)
    assert (frame.media.payload, frame.media.track) == (audio, track)


@given(audio=st.binary(max_size=5000), stream_id=st.text(min_size=1, max_size=40))
def test_what_we_write_is_json_a_peer_can_read(audio: bytes, stream_id: str) -> None:
    codec = MediaCodec()
    codec.opened(stream_id)
    media = json.loads(codec.media(audio))
    assert media == {
        "event": "media",
        "streamSid": stream_id,
        "media": {"payload": base64.b64encode(audio).decode()},
    }
    assert json.loads(codec.mark("3:160")) == {"event": "mark", "streamSid": stream_id, "mark": {"name": "3:160"}}
    assert json.loads(codec.clear()) == {"event": "clear", "streamSid": stream_id}


@given(st.text())
def test_any_text_is_survived(text: str) -> None:
    MediaCodec().decode(text)


@given(event=st.sampled_from(["connected", "start", "media", "dtmf", "mark", "stop"]), body=json_values)
def test_any_body_of_a_known_event_is_read_or_counted(event: str, body: Any) -> None:
    codec = MediaCodec()
    frame = codec.decode(json.dumps({"event": event, event: body}))
    assert (frame is None) == (codec.malformed_count == 1)
    assert codec.unknown_count == 0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "[]",
        "\ud800",
        "[" * 60_000,
        '{"event":"media","media":{"payload":"!!!"}}',
        '{"event":"media","media":{}}',
        '{"event":"dtmf","dtmf":{"digit":"12"}}',
        '{"event":"dtmf","dtmf":{"digit":"A"}}',
        '{"event":"mark"}',
        '{"event":"media","media":{"payload":"' + "/" * MAX_MESSAGE_CHARS + '"}}',
    ],
)
def test_malformed_messages_are_counted(text: str) -> None:
    codec = MediaCodec()
    assert codec.decode(text) is None
    assert (codec.malformed_count, codec.unknown_count) == (1, 0)


def test_an_event_of_the_future_is_not_malformed() -> None:
    codec = MediaCodec()
    assert codec.decode('{"event":"quality","quality":{"mos":4.4}}') is None
    assert (codec.malformed_count, codec.unknown_count) == (0, 1)
