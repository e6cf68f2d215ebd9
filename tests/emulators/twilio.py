"""Twilio with bad days: the shipped carrier and phone doubles, with switches to misbehave.

async with TwilioEmulator() as twilio:
    twilio.rest.fail(503)                       # REST: slow, hanging, refusing, broken
    twilio.callbacks.mode = "reversed"          # status callbacks: twice, in disorder
    twilio.phone("+15550100001")                # a SimulatedPhone; see the functions below for its media stream
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final, Literal

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from parley.simulation import SimulatedCarrier, SimulatedPhone, texting
from parley.simulation.messenger import Messenger
from parley.simulation.playout import Playout
from parley.simulation.rest import Form, Refusal, refused
from parley.simulation.stream import MediaStream
from parley.simulation.texting import Post
from parley.simulation.timeline import Timeline
from parley.simulation.websocket import PhoneSocket
from parley.simulation.wire import CONNECTED, Narrator

ENDS: Final = frozenset({"completed", "busy", "no-answer", "canceled", "failed"})

GARBAGE: Final = (
    "",
    "not json",
    "[]",
    "{}",
    '{"event":"media"}',
    '{"event":"media","media":{"payload":"%%%"}}',
    '{"event":"dtmf","dtmf":{"digit":"42"}}',
    '{"event":"mark","mark":{"name":null}}',
    '{"event":"from-the-future","x":1}',
    '{"event":"start","start":"again"}',
    '{"event":"media","media":{"payload":"' + "/" * 200_000 + '"}}',
)


class RestMoods:
    """How the REST interface treats the next requests; `behave()` ends it."""

    def __init__(self) -> None:
        self._delay_s = 0.0
        self._hangs = False
        self._answer: Response | None = None

    def behave(self) -> None:
        self._delay_s, self._hangs, self._answer = 0.0, False, None

    def slow_down(self, delay_s: float) -> None:
        self._delay_s = delay_s

    def hang(self) -> None:
        """Accept requests and never answer."""
        self._hangs = True

    def fail(self, status: int) -> None:
        """Answer with something that is not Twilio's: a proxy's error page."""
        self._answer = PlainTextResponse("<html>upstream error</html>", status)

    def refuse(self, status: int, code: int, message: str) -> None:
        """Refuse in Twilio's form (twilio.com/docs/api/errors)."""
        self._answer = refused(Refusal(status, code, message))

    async def intercept(self, _request: Request, _form: Form) -> Response | None:
        if self._hangs:
            await asyncio.Event().wait()
        await asyncio.sleep(self._delay_s)
        return self._answer


class CallbackMoods:
    """How status callbacks arrive: once and in order, every one twice, or the end first and the rest after it."""

    def __init__(self) -> None:
        self.mode: Literal["orderly", "twice", "reversed"] = "orderly"
        self._held: dict[str, list[Mapping[str, str]]] = {}

    async def deliver(self, messenger: Messenger, form: Mapping[str, str]) -> None:
        if self.mode == "reversed":
            held = self._held.setdefault(form["CallSid"], [])
            held.append(form)
            if form["CallStatus"] in ENDS:
                for each in reversed(held):
                    await messenger.post_report(each)
            return
        for _ in range(2 if self.mode == "twice" else 1):
            await messenger.post_report(form)

    async def deliver_text(self, form: Mapping[str, str], post: Post) -> None:
        """The same for the status of texts."""
        if self.mode == "reversed":
            held = self._held.setdefault(form["MessageSid"], [])
            held.append(form)
            if form["MessageStatus"] in texting.ENDS:
                for each in reversed(held):
                    await post(each)
            return
        for _ in range(2 if self.mode == "twice" else 1):
            await post(form)


class TwilioEmulator(SimulatedCarrier):
    """The carrier double with moods. Everything else, `phone()` and `call_in()` included, is inherited."""

    def __init__(self) -> None:
        super().__init__()
        self.rest = RestMoods()
        self.callbacks = CallbackMoods()
        self.intercept = self.rest.intercept
        self.deliver = self.callbacks.deliver
        self.centre.deliver = self.callbacks.deliver_text


class LyingPlayout(Playout):
    """Plays truly but lies about marks: returns them when they arrive, never, or twice."""

    def __init__(self, timeline: Timeline, lie: Literal["at_once", "never", "twice"]) -> None:
        super().__init__(timeline)
        self._lie = lie
        self._eager: list[str] = []

    def mark(self, name: str) -> None:
        if self._lie == "at_once":
            self._eager.append(name)
        else:
            super().mark(name)

    def tick(self, due: float) -> Sequence[str]:
        eager, self._eager = self._eager, []
        reached = super().tick(due)
        if self._lie == "never":
            return ()
        return [*eager, *reached, *(reached if self._lie == "twice" else ())]


def lie_about_marks(phone: SimulatedPhone, lie: Literal["at_once", "never", "twice"]) -> None:
    """From now on the phone's marks cannot be trusted."""
    handset = phone.current.handset
    handset.playout = LyingPlayout(handset.timeline, lie)


def invent_marks(phone: SimulatedPhone, names: Sequence[str] = ("0:999999", "1:1", "nobody", "")) -> None:
    """Return marks that nobody sent."""
    stream_of(phone).return_marks(names)


def send_garbage(phone: SimulatedPhone, texts: Sequence[str] = GARBAGE) -> None:
    """Send messages that mean nothing into the live stream."""
    for text in texts:
        stream_of(phone).socket.send(text)


def cut(phone: SimulatedPhone) -> None:
    """Break the media connection without a stop message or a close frame."""
    stream_of(phone).socket.cut()


def stop_reading(phone: SimulatedPhone) -> None:
    """Keep the media socket open and take nothing from it any more."""
    stream_of(phone).socket.pause()


def stream_of(phone: SimulatedPhone) -> MediaStream:
    """The live stream of the phone's call."""
    stream = phone.current.stream
    assert stream is not None, "the phone has no media stream now"
    return stream


async def is_stream_accepted(url: str, token: str | None, within_s: float = 6.0) -> bool:
    """Open a media stream that no call asked for, with this token (None: never send a start), as an attacker would.

    False when the server closes or declines it within the time.
    """
    closed = asyncio.Event()

    def ignore(_text: bytes) -> None:
        """Whatever the server says to an attacker is not of interest."""

    try:
        socket = await PhoneSocket.open(url, ignore, closed.set)
    except OSError:
        return False
    socket.send(CONNECTED)
    if token is not None:
        socket.send(Narrator("AC" + "0" * 32, "CA" + "f" * 32, "MZ" + "f" * 32).start({"token": token}))
    try:
        async with asyncio.timeout(within_s):
            await closed.wait()
    except TimeoutError:
        socket.cut()
        return True
    return False
