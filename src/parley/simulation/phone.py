"""A phone that calls parley, or is called by it, and speaks the carrier's real protocol to do so.

It knows nothing of parley: it asks the voice URL it is given, follows the document that comes back, opens the stream
URL found there, and talks and listens in real time. What is simulated is the person, the telephone network and the
carrier's machines; every request, message and signature is what the carrier would send.

    async with SimulatedPhone("+15550100001") as phone:
        await phone.call(voice_url, to="+15550100002", auth_token=token)
        await phone.wait_until_agent_speaks()
        await phone.wait_until_agent_silent()
        await phone.say("what are your opening hours")
        await phone.wait_until_agent_speaks()
        await phone.hang_up()
    print(phone.timeline.words_heard, phone.timeline.reply_ms())
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Final, Self

from parley.audio.formats import MULAW_8K
from parley.audio.watermark import speak
from parley.domain.errors import Conflict
from parley.simulation.call import CarrierCall, Ending, Place, Ringing
from parley.simulation.exchange import Exchange
from parley.simulation.handset import Handset
from parley.simulation.messenger import Deliver, Identity, Messenger
from parley.simulation.texting import Inbox, MessageCentre, Text
from parley.simulation.timeline import Heard, Said, Timeline

ACCOUNT_SID: Final = "AC" + "0" * 32

# `speak` ends with 50 ms of near silence; the phone goes on with silence anyway, and speech should end where it ends.
_TAIL_BYTES: Final = MULAW_8K.bytes_in(50)


class SimulatedPhone:
    """One phone, on one call at a time. Use as an async context manager; leaving it hangs up.

    Many phones of one process should share an `exchange`: one clock, one HTTP client. `ringing` is how the phone
    behaves when it is called; `calls` are all calls it was on. Times are the event loop's.
    """

    def __init__(
        self, number: str = "+15550100001", exchange: Exchange | None = None, centre: MessageCentre | None = None
    ) -> None:
        self.number = number
        self.ringing = Ringing()
        self.calls: list[CarrierCall] = []
        self.inbox = Inbox()
        self._centre = centre
        self._exchange = exchange or Exchange()
        self._owns_exchange = exchange is None
        self._stack = AsyncExitStack()
        self._has_call = asyncio.Event()

    async def __aenter__(self) -> Self:
        if self._owns_exchange:
            await self._stack.enter_async_context(self._exchange)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and self.is_busy:
            await self.hang_up()
        await self._stack.__aexit__(kind, error, trace)

    # ---------------------------------------------------------------- calling and being called

    async def call(
        self,
        voice_url: str,
        *,
        to: str,
        auth_token: str,
        from_: str | None = None,
        account_sid: str = ACCOUNT_SID,
        status_url: str = "",
        deliver: Deliver | None = None,
        on_call: Callable[[CarrierCall], None] | None = None,
    ) -> CarrierCall:
        """Ring the number whose voice URL this is; return when a media stream is open or the call is over already.

        `deliver` replaces how status callbacks are posted; `on_call` is told of the call before it begins.
        """
        identity = Identity(account_sid, auth_token, from_ or self.number, to, status_url=status_url)
        call = self._new_call(Messenger(identity, self._exchange, deliver))
        call.status = "ringing"
        if on_call is not None:
            on_call(call)
        _ = self._exchange.start(self._hold(call, Place(voice_url), None))
        await call.handset.connected.wait()
        return call

    def answer(self, messenger: Messenger, place: Place) -> CarrierCall:
        """Be called: ring and behave as `ringing` says, then do what the document at `place` says."""
        call = self._new_call(messenger)
        _ = self._exchange.start(self._hold(call, place, self.ringing))
        return call

    def _new_call(self, messenger: Messenger) -> CarrierCall:
        if self.is_busy:
            raise Conflict("This phone is on a call: use another phone for another call.")
        call = CarrierCall(messenger, self._exchange, Handset())
        self.calls.append(call)
        self._has_call.set()
        return call

    async def _hold(self, call: CarrierCall, place: Place, ringing: Ringing | None) -> None:
        self._exchange.metronome.join(call.handset)
        try:
            await call.run(place, ringing)
        finally:
            self._exchange.metronome.leave(call.handset)
            self._has_call.clear()
            call.is_settled.set()

    async def wait_until_connected(self, timeout_s: float = 30.0) -> CarrierCall:
        """Wait for a live call and its open media stream. Raises Conflict when the call ends before it has one."""
        async with asyncio.timeout(timeout_s):
            await self._has_call.wait()
            await self.current.handset.connected.wait()
        if self.current.is_over:
            raise Conflict("The call ended before audio could be exchanged.")
        return self.current

    async def wait_until_over(self, timeout_s: float = 60.0) -> str:
        """Wait until the call is over and reported; returns its last status, in the carrier's words."""
        async with asyncio.timeout(timeout_s):
            await self.current.is_settled.wait()
        return self.current.status

    async def hang_up(self, timeout_s: float = 60.0) -> None:
        """Hang up and wait until the carrier has told everybody who wants to know."""
        self.current.order(Ending(was_hung_up=True))
        await self.wait_until_over(timeout_s)

    # ---------------------------------------------------------------- talking and listening

    async def say(self, what: str | bytes) -> Said:
        """Speak, in real time, text (as watermarked speech) or mu-law audio as it is; returns when it was said."""
        text, audio = (what, speak(what)[:-_TAIL_BYTES]) if isinstance(what, str) else ("", what)
        done = self.current.handset.say(text, audio)
        await done
        return self.timeline.said[-1]

    async def pause(self, duration_s: float) -> None:
        """Say nothing for a while."""
        await asyncio.sleep(duration_s)

    async def press(self, digits: str, apart_s: float = 0.1) -> None:
        """Press keys, one after the other."""
        for digit in digits:
            if self.current.stream is None:
                raise Conflict("No media stream is open: there is nobody to hear the key.")
            self.current.stream.press(digit)
            await asyncio.sleep(apart_s)

    async def wait_until_agent_speaks(self, timeout_s: float = 30.0) -> float:
        """The time at which the agent can be heard: at once if it can be heard now."""
        playout = self.current.handset.playout
        return await self.current.handset.wait_until(lambda _: playout.is_speaking, timeout_s)

    async def wait_until_agent_silent(self, for_ms: float = 300.0, timeout_s: float = 60.0) -> float:
        """The time at which the agent, having spoken on this call, has been silent for so long."""
        handset = self.current.handset
        silent_s = for_ms / 1000.0

        def is_silent(now: float) -> bool:
            return bool(handset.timeline.heard) and handset.playout.silent_for_s(now) >= silent_s

        return await handset.wait_until(is_silent, timeout_s)

    # ---------------------------------------------------------------- texting

    async def text(self, number: str, body: str, media_urls: Sequence[str] = ()) -> Text:
        """Send a text to a number of the carrier this phone hangs on; returns when its server has answered.

        What is texted back is in `inbox`. Raises Conflict for a phone without a carrier, NotFound for a number that
        takes no texts.
        """
        if self._centre is None:
            raise Conflict("This phone hangs on no carrier: get one from SimulatedCarrier.phone() to send texts.")
        return await self._centre.receive(self.number, number, body, media_urls)

    # ---------------------------------------------------------------- what became of it

    @property
    def is_busy(self) -> bool:
        """Whether the phone rings or is on a call."""
        return bool(self.calls) and not self.calls[-1].is_over

    @property
    def current(self) -> CarrierCall:
        """The call the phone is on, or was on last. Raises Conflict before the first."""
        if not self.calls:
            raise Conflict("This phone has not been on a call yet.")
        return self.calls[-1]

    @property
    def timeline(self) -> Timeline:
        """All that was said and heard on the current call, with the figures that follow."""
        return self.current.handset.timeline

    @property
    def heard(self) -> list[Heard]:
        return self.timeline.heard

    @property
    def problems(self) -> list[str]:
        """What a developer would find in the carrier's debugger; empty when the server kept to the protocol."""
        stream = self.current.stream
        return self.current.messenger.problems + (stream.complaints if stream else [])
