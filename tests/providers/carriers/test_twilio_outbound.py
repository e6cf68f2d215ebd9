"""What is sent, cleared and confirmed, under any order of events."""

from __future__ import annotations

import base64
import json
from collections import deque

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from parley.providers.carriers.twilio.media import MediaCodec
from parley.providers.carriers.twilio.outbound import (
    CHUNK_BYTES,
    FIRST_CHUNK_BYTES,
    MAX_QUEUED_BYTES,
    Outbound,
)


def opened() -> Outbound:
    codec = MediaCodec()
    codec.opened("MZ1")
    return Outbound(codec)


def drain(outbound: Outbound) -> list[dict[str, object]]:
    sent = []
    while texts := outbound.take():
        sent += [json.loads(text) for text in texts]
    return sent


def audio_of(message: dict[str, object]) -> bytes:
    media = message["media"]
    assert isinstance(media, dict)
    return base64.b64decode(media["payload"])


@given(pieces=st.lists(st.binary(max_size=9000), max_size=8))
def test_all_audio_is_sent_once_and_in_order(pieces: list[bytes]) -> None:
    outbound = opened()
    for piece in pieces:
        assert outbound.play(piece)
    sent = drain(outbound)
    chunks = [audio_of(message) for message in sent if message["event"] == "media"]
    assert b"".join(chunks) == b"".join(pieces)
    assert all(0 < len(chunk) <= CHUNK_BYTES for chunk in chunks)
    assert [message["event"] for message in sent] == ["media", "mark"] * len(chunks)


def test_the_first_chunk_after_silence_is_short() -> None:
    outbound = opened()
    outbound.play(b"a" * 8000)
    first, second = outbound.take(), outbound.take()
    assert len(audio_of(json.loads(first[0]))) == FIRST_CHUNK_BYTES
    assert len(audio_of(json.loads(second[0]))) == CHUNK_BYTES


def test_marks_confirm_positions_once() -> None:
    outbound = opened()
    outbound.play(b"a" * 1000)
    drain(outbound)
    assert outbound.on_mark("0:800") == 800
    assert outbound.on_mark("0:800") is None
    assert outbound.on_mark("0:1000") == 1000
    assert outbound.untrue_mark_count == 1


def test_a_flush_clears_first_and_begins_at_zero() -> None:
    outbound = opened()
    outbound.play(b"a" * 8000)
    outbound.take()
    outbound.flush()
    outbound.play(b"b" * 10)
    sent = drain(outbound)
    assert [message["event"] for message in sent] == ["clear", "media", "mark"]
    assert audio_of(sent[1]) == b"b" * 10
    assert outbound.on_mark("0:800") is None, "a cleared mark is not a played mark"
    assert outbound.on_mark("1:10") == 10


def test_a_flush_of_nothing_says_nothing() -> None:
    outbound = opened()
    outbound.flush()
    outbound.play(b"a")
    outbound.flush()
    assert drain(outbound) == []


def test_lies_about_marks_confirm_nothing() -> None:
    outbound = opened()
    outbound.play(b"a" * 160)
    drain(outbound)
    for name in ("0:161", "0:0", "0:-1", "0:+5", "0: 5", "0:٣", "0:", "0", "", "x:y", "5:160", "0:160:1", "9" * 300):
        assert outbound.on_mark(name) is None
    assert outbound.on_mark("0:" + "9" * 60) is None


def test_two_minutes_are_the_most_that_waits() -> None:
    outbound = opened()
    assert outbound.play(b"a" * MAX_QUEUED_BYTES * 2), "one piece, however long, is taken whole"
    assert not outbound.play(b"a")
    outbound.flush()
    assert outbound.play(b"a")


class PhoneAtTheOtherEnd(RuleBasedStateMachine):
    """A true phone: plays in order, echoes played and cleared marks, on a wire with delay both ways."""

    def __init__(self) -> None:
        super().__init__()
        self.outbound = opened()
        self.to_phone: deque[dict[str, object]] = deque()
        self.buffer: deque[dict[str, object]] = deque()
        self.echoes: deque[tuple[str, bool]] = deque()
        self.given = 0
        self.played_since_flush = 0
        self.flushes = 0
        self.confirmed = 0

    @rule(size=st.integers(1, 9000))
    def play(self, size: int) -> None:
        if self.outbound.play(b"a" * size):
            self.given += size

    @rule()
    def flush(self) -> None:
        self.outbound.flush()
        self.given = self.confirmed = self.played_since_flush = 0
        self.flushes += 1

    @rule()
    def send(self) -> None:
        self.to_phone += [json.loads(text) | {"flushes": self.flushes} for text in self.outbound.take()]

    @precondition(lambda self: self.to_phone)
    @rule()
    def arrive(self) -> None:
        message = self.to_phone.popleft()
        if message["event"] == "clear":
            self.echoes += [(self.name_of(each), False) for each in self.buffer if each["event"] == "mark"]
            self.buffer.clear()
        else:
            self.buffer.append(message)

    @precondition(lambda self: self.buffer)
    @rule()
    def play_out(self) -> None:
        message = self.buffer.popleft()
        if message["event"] == "mark":
            self.echoes.append((self.name_of(message), True))
        elif message["flushes"] == self.flushes:
            self.played_since_flush += len(audio_of(message))

    @precondition(lambda self: self.echoes)
    @rule()
    def echo(self) -> None:
        name, _was_played = self.echoes.popleft()
        position = self.outbound.on_mark(name)
        if position is not None:
            assert position <= self.played_since_flush, "confirmed what was not played"
            assert position > self.confirmed
            self.confirmed = position

    @invariant()
    def a_true_phone_never_looks_like_a_liar(self) -> None:
        assert self.outbound.untrue_mark_count == 0
        assert self.confirmed <= self.given

    @staticmethod
    def name_of(message: dict[str, object]) -> str:
        mark = message["mark"]
        assert isinstance(mark, dict)
        return str(mark["name"])


TestPhoneAtTheOtherEnd = PhoneAtTheOtherEnd.TestCase
