"""One call as the carrier runs it: asks the server for documents, does what they say, reports what became of it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from typing import Any, Final, TypeVar

import msgspec

from parley.domain.errors import BadInput
from parley.simulation import documents
from parley.simulation.exchange import Exchange
from parley.simulation.handset import Handset
from parley.simulation.messenger import NO_EXTRAS, Messenger
from parley.simulation.ringing import Ringing as Ringing
from parley.simulation.stream import MediaStream
from parley.simulation.wire import Narrator

T = TypeVar("T")

LIVE: Final = frozenset({"queued", "initiated", "ringing", "in-progress"})

MAX_DOCUMENTS: Final = 50
"""A stream that breaks at once and is asked for again at once would otherwise go on for ever."""


class Place(msgspec.Struct, frozen=True):
    """Where the next document comes from: a `url` to be asked for it, or the `document` itself.

    `extras` are what the asking says beside what every request does.
    """

    url: str = ""
    document: str = ""
    extras: Mapping[str, str] = NO_EXTRAS


class Ending(msgspec.Struct, frozen=True):
    """The call ends. After a hang-up the carrier still asks the `action` of a running <Connect> or <Dial>."""

    was_hung_up: bool = False


class CarrierCall:
    """One call. `steps` are the verbs performed so far; `is_settled` is set when all was reported."""

    def __init__(self, messenger: Messenger, exchange: Exchange, handset: Handset) -> None:
        self.messenger = messenger
        self.handset = handset
        self.status = "queued"
        self.stream: MediaStream | None = None
        self.steps: list[documents.Step] = []
        self.is_settled = asyncio.Event()
        self._exchange = exchange
        self._order: asyncio.Future[Place | Ending] = asyncio.get_running_loop().create_future()
        self._after: Callable[[], Place] = Place
        self._answered_at: float | None = None

    @property
    def dialled(self) -> list[documents.Dial]:
        """To whom the call was put through."""
        return [step for step in self.steps if isinstance(step, documents.Dial)]

    @property
    def connected(self) -> list[documents.ConnectStream]:
        """The media streams it was connected to, the broken ones too."""
        return [step for step in self.steps if isinstance(step, documents.ConnectStream)]

    @property
    def sid(self) -> str:
        return self.messenger.identity.sid

    @property
    def is_over(self) -> bool:
        return self.status not in LIVE

    def order(self, what: Place | Ending) -> None:
        """Break into the call: end it, or go on with another document. The first order of a moment counts."""
        if not self._order.done():
            self._order.set_result(what)

    async def run(self, place: Place, ringing: Ringing | None = None) -> None:
        """Hold the call to its end, ringing first if it is an outbound one. Returns when everything was reported."""
        try:
            following: Place | Ending = place if ringing is None else await self._ring(ringing, place)
            for _ in range(MAX_DOCUMENTS):
                if isinstance(following, Ending):
                    break
                following = await self._unless_ordered(self._perform(following))
            else:
                self.messenger.problems.append(f"The server was asked {MAX_DOCUMENTS} times what to do: is it a loop?")
            self._conclude()
        finally:
            self.handset.put_down()
        await self.messenger.reported()

    def _conclude(self) -> None:
        if self.status in LIVE:
            self.status = "completed" if self._answered_at is not None else "canceled"
        began = self._answered_at
        self.messenger.report(self.status, 0 if began is None else round(_now() - began))

    async def _ring(self, ringing: Ringing, place: Place) -> Place | Ending:
        for status in ("initiated", "ringing"):
            self.status = status
            self.messenger.report(status)
        ordered = await self._unless_ordered(asyncio.sleep(ringing.lasts_s, place))
        if isinstance(ordered, Ending):
            return ordered
        if ringing.outcome != "answered":
            self.status = ringing.outcome
            return Ending()
        self._answer()
        self.messenger.report("in-progress")
        return ordered

    def _answer(self) -> None:
        self.status = "in-progress"
        if self._answered_at is None:
            self._answered_at = _now()

    async def _unless_ordered(self, work: Coroutine[Any, Any, T]) -> T | Place | Ending:
        """The result of `work`, or the order that came from outside before it was done."""
        task = self._exchange.start(work)
        await asyncio.wait((task, self._order), return_when=asyncio.FIRST_COMPLETED)
        if not self._order.done():
            return task.result()
        ordered = self._order.result()
        self._order = asyncio.get_running_loop().create_future()
        after = self._leave()
        task.cancel()
        await asyncio.wait((task,))
        if isinstance(ordered, Ending) and ordered.was_hung_up and after.url:
            await self.messenger.ask(after.url, "completed", after.extras)
        return ordered

    def _leave(self) -> Place:
        """Stop the media stream, if there is one. Returns what was to be asked after the verb that runs."""
        after, self._after = self._after, Place
        if self.stream is not None:
            self.stream.stop()
        return after()

    async def _perform(self, place: Place) -> Place | Ending:
        document: str | None = place.document
        if place.url:
            document = await self.messenger.ask(place.url, self.status, place.extras)
        if document is None:
            self._answer()  # so that the carrier can tell the caller of an application error
            return Ending()
        try:
            steps = documents.read(document, place.url)
        except BadInput as fault:
            self.messenger.problems.append(f"12100 Document parse failure: {fault.message}")
            self._answer()
            return Ending()
        for step in steps:
            following = await self._do(step)
            if following is not None:
                return following
        return Ending()

    async def _do(self, step: documents.Step) -> Place | Ending | None:
        self.steps.append(step)
        if isinstance(step, documents.Reject) and self._answered_at is None:
            self.status = "busy"
            return Ending()
        if isinstance(step, documents.Hangup | documents.Reject):
            self._answer()
            return Ending()
        if isinstance(step, documents.Redirect):
            return Place(step.url)
        if isinstance(step, documents.Dial):
            return await self._put_through(step)
        self._answer()
        if isinstance(step, documents.ConnectStream):
            return await self._connect(step)
        await asyncio.sleep(step.length_s)
        return None

    async def _connect(self, step: documents.ConnectStream) -> Place | None:
        identity = self.messenger.identity
        narrator = Narrator(identity.account_sid, identity.sid, f"MZ{secrets.token_hex(16)}")
        stream = self.stream = MediaStream(narrator, self.handset)
        self._after = partial(Place, step.action)
        try:
            await stream.run(self._exchange.way(step.stream_url), step.parameters)
        except OSError as fault:
            self.messenger.problems.append(f"31920 Stream WebSocket handshake error: {fault}")
        finally:
            self.messenger.problems += stream.complaints
            self.stream = None
        self._after = Place
        return Place(step.action) if step.action else None

    async def _put_through(self, step: documents.Dial) -> Place | None:
        """Ring the other party and let the two talk (twilio.com/docs/voice/twiml/dial). What is said is not carried."""
        if not step.answers_on_bridge:
            self._answer()
        party, leg_sid = self._exchange.reach(step.number), f"CA{secrets.token_hex(16)}"
        outcome = party.outcome if party.lasts_s <= step.timeout_s else "no-answer"
        self._after = partial(_dialled, step, leg_sid, "canceled")
        await asyncio.sleep(min(party.lasts_s, step.timeout_s))
        after = partial(_dialled, step, leg_sid, outcome)
        if outcome == "answered":
            self._answer()
            self._after = after = partial(_dialled, step, leg_sid, "completed", _now())
            if step.answered_url:
                await self.messenger.post(step.answered_url, self._leg_fields(step, leg_sid))
            await asyncio.sleep(party.talks_s)
        self._after = Place
        return after() if step.action else None

    def _leg_fields(self, step: documents.Dial, leg_sid: str) -> dict[str, str]:
        """A report about the party that was rung: a call of its own, whose parent this one is."""
        return self.messenger.fields("in-progress") | {
            "CallSid": leg_sid,
            "ParentCallSid": self.sid,
            "Direction": "outbound-dial",
            "From": step.caller_id,
            "Caller": step.caller_id,
            "To": step.number,
            "Called": step.number,
            "CallbackSource": "call-progress-events",
        }


def _dialled(step: documents.Dial, leg_sid: str, outcome: str, began: float | None = None) -> Place:
    """What is asked after a <Dial>, now that it is over; `began` is when the two began to talk."""
    extras = {"DialCallSid": leg_sid, "DialCallStatus": outcome, "DialBridged": "false" if began is None else "true"}
    if began is not None:
        extras["DialCallDuration"] = str(round(_now() - began))
    return Place(step.action, extras=extras)


def _now() -> float:
    return asyncio.get_running_loop().time()
