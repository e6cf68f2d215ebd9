"""A caller who tests this server itself: rings as the carrier would, says a few sentences, listens, and hangs up.

Everything goes the way of a true call: the signed webhook over HTTP, the document that comes back, the media websocket
with the document's token, the voice and the recogniser in use. Nobody at the carrier hears of it. Where the public
address does not do, the call goes on over the server's own, so that what lies behind is tested too.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Final

import httpx

from parley.domain.call_tests import CallOrder, CallSeen, Contact, SpokenLine
from parley.domain.calls import CallPlan
from parley.domain.errors import Conflict
from parley.live.providers import Providers
from parley.simulation import documents
from parley.simulation.call import CarrierCall, Ending, Place
from parley.simulation.ear import Ear
from parley.simulation.exchange import WEBHOOK_TIMEOUT_S, Exchange
from parley.simulation.handset import Handset
from parley.simulation.messenger import Identity, Messenger
from parley.simulation.mouth import Script, voiced
from parley.simulation.signing import signature

REPLY_WAIT_S: Final = 15.0
"""How long the caller waits for an answer to one sentence."""
BREATH_S: Final = 0.3
SILENT_MS: Final = 900.0
"""An agent that was silent for so long has finished."""
LONGEST_SPEECH_S: Final = 30.0
HANG_UP_S: Final = 15.0
STREAM_PROBLEM: Final = "31920"

_TIMEOUT: Final = httpx.Timeout(WEBHOOK_TIMEOUT_S, connect=5.0)
_VERBS: Final[Mapping[type[documents.Step], str]] = {
    documents.ConnectStream: "stream",
    documents.Dial: "dial",
    documents.Reject: "reject",
    documents.Hangup: "hangup",
}

PlanOf = Callable[[], Awaitable[CallPlan | None]]


class ScriptedCaller:
    """Makes test calls through `public_url` as carriers know it, else through `own_url`. It keeps nothing of them.

    Satisfies what `services.call_tests` declares as its tester.
    """

    carriers: Final = frozenset({"twilio"})

    def __init__(self, providers: Providers, http: httpx.AsyncClient, public_url: str, own_url: str) -> None:
        self._providers = providers
        self._http = http
        self._public_url = public_url.rstrip("/")
        self._own_url = own_url.rstrip("/")

    async def call(self, order: CallOrder, plan: PlanOf, seen: CallSeen) -> None:
        """Make the call and write down in `seen` what is met, as it is met; over soon after `order.duration_s`.

        `plan` gives the plan of the call once its webhook was answered: its voice and its recogniser.
        """
        async with Exchange(self._http) as exchange:
            way = _Way(self._public_url, self._own_url, seen)
            exchange.way = way
            await _Test(self._providers, exchange, order, seen, way).run(plan)


class _Way:
    """Where this server is reached: at its public address, and once that did not do, at its own."""

    def __init__(self, public_url: str, own_url: str, seen: CallSeen) -> None:
        self._public_url = public_url
        self._own_url = own_url
        self._seen = seen
        self._streams = 0
        self.is_own = False

    @property
    def has_other(self) -> bool:
        return self._own_url != self._public_url

    def __call__(self, url: str) -> str:
        """A media stream that is asked for a second time before any was open had no way to the first."""
        is_stream = url.startswith("ws")
        if is_stream:
            self._streams += 1
        use_own = self.is_own or (is_stream and self._streams > 1 and self._seen.connected_ms is None)
        if not use_own:
            return url
        if is_stream:
            return url.replace(_as_stream(self._public_url), _as_stream(self._own_url), 1)
        return url.replace(self._public_url, self._own_url, 1)


def _as_stream(url: str) -> str:
    return f"ws{url.removeprefix('http')}"


class _Test:
    """One test call from its ring to its hang-up."""

    def __init__(self, providers: Providers, exchange: Exchange, order: CallOrder, seen: CallSeen, way: _Way) -> None:
        self._providers = providers
        self._exchange = exchange
        self._order = order
        self._seen = seen
        self._way = way
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        identity = Identity(
            order.account.account_id,
            order.account.token.reveal(),
            order.from_number,
            order.to_number,
            status_url=order.status_url,
            sid=order.carrier_call_id,
        )
        self._messenger = Messenger(identity, exchange, self._report)

    async def run(self, plan_of: PlanOf) -> None:
        document = await self._ring()
        if document is None:
            return
        plan = await plan_of()
        call = CarrierCall(self._messenger, self._exchange, Handset())
        call.status = "ringing"
        self._exchange.metronome.join(call.handset)
        holding = self._exchange.start(call.run(Place(document=document)))
        try:
            await call.handset.connected.wait()
            if call.stream is not None and plan is not None:
                self._seen.connected_ms = self._ms()
                await self._talk(call, plan)
            call.order(Ending(was_hung_up=True))
            await asyncio.wait((holding,), timeout=HANG_UP_S)
        finally:
            self._exchange.metronome.leave(call.handset)
            self._seen.verbs = [_VERBS[type(step)] for step in call.steps if type(step) in _VERBS]
            self._seen.complaints = list(self._messenger.problems)
            self._seen.stream_error = next((each for each in self._seen.complaints if STREAM_PROBLEM in each), "")

    # ------------------------------------------------------------ the webhook

    async def _ring(self) -> str | None:
        """The document for the ringing call, from the first address that gives one."""
        form = self._messenger.fields("ringing")
        self._seen.public, document = await self._ask(self._order.voice_url, form)
        if document is None and self._way.has_other:
            self._way.is_own = True
            self._seen.own, document = await self._ask(self._order.voice_url, form)
        return document

    async def _ask(self, url: str, form: Mapping[str, str]) -> tuple[Contact, str | None]:
        """What came of a signed request, and the answer if it is a good one."""
        began, error, answer = self._ms(), "", None
        headers = {"X-Twilio-Signature": signature(self._order.account.token.reveal(), url, form)}
        try:
            answer = await self._exchange.http.post(self._way(url), data=dict(form), headers=headers, timeout=_TIMEOUT)
        except (httpx.HTTPError, httpx.InvalidURL) as failed:
            error = _why(failed)
        status = answer.status_code if answer is not None else None
        contact = Contact(at_ms=began, took_ms=self._ms() - began, status=status, error=error)
        return contact, answer.text if answer is not None and contact.is_good else None

    async def _report(self, messenger: Messenger, form: Mapping[str, str]) -> None:
        """The status callback that tells of the end."""
        self._seen.hang_up, _ = await self._ask(self._order.status_url, form)

    # ------------------------------------------------------------ the conversation

    async def _talk(self, call: CarrierCall, plan: CallPlan) -> None:
        ear = Ear(self._providers, plan, call.handset.timeline)
        listening = self._exchange.start(ear.run())
        script = self._exchange.start(voiced(self._providers, plan, self._order.script))
        self._exchange.metronome.join(ear)
        self._seen.ended_by = "caller"
        try:
            async with asyncio.timeout(self._order.duration_s):
                await self._converse(call, script)
        except Conflict:
            self._seen.ended_by = "agent"
        except TimeoutError:
            self._seen.is_cut_short = True
        call.order(Ending(was_hung_up=True))
        await ear.settled()
        ear.close()
        self._exchange.metronome.leave(ear)
        listening.cancel()
        self._seen.agent_audio_ms = round(call.handset.timeline.heard_ms)
        self._seen.agent_words, self._seen.agent_words_why = ear.words, ear.why

    async def _converse(self, call: CarrierCall, script: asyncio.Task[Script]) -> None:
        handset = call.handset
        began = self._loop.time()
        if await _came(handset, lambda _: handset.playout.is_speaking, self._order.greeting_wait_s):
            self._seen.greeting_ms = round((self._loop.time() - began) * 1000)
            await _until_silent(handset)
        spoken = await script
        self._seen.spoken_by, self._seen.spoken_by_why = spoken.voice, spoken.why
        for text, audio in spoken.lines:
            line = SpokenLine(text=text, at_ms=self._ms())
            self._seen.lines.append(line)
            await handset.say(text, audio)
            ended_at = self._loop.time()
            if await _came(handset, partial(_is_answered, handset, ended_at), REPLY_WAIT_S):
                line.reply_ms = round(max(0.0, handset.timeline.heard[-1].arrived_at - ended_at) * 1000)
                await _until_silent(handset)

    def _ms(self) -> int:
        return round((self._loop.time() - self._began) * 1000)


def _is_answered(handset: Handset, ended_at: float, now: float) -> bool:
    """Whether the agent talks since the caller has finished; a quick one begins in the caller's last breath."""
    heard = handset.timeline.heard
    return bool(heard) and heard[-1].arrived_at >= ended_at - BREATH_S


async def _came(handset: Handset, holds: Callable[[float], bool], wait_s: float) -> bool:
    try:
        await handset.wait_until(holds, wait_s)
    except TimeoutError:
        return False
    return True


async def _until_silent(handset: Handset) -> None:
    await _came(handset, lambda now: handset.playout.silent_for_s(now) >= SILENT_MS / 1000.0, LONGEST_SPEECH_S)


def _why(failed: Exception) -> str:
    """The word for a request that got no answer."""
    if isinstance(failed, httpx.TimeoutException):
        return "timeout"
    cause: BaseException | None = failed
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return "tls"
        if isinstance(cause, socket.gaierror):
            return "unresolved"
        cause = cause.__cause__ or cause.__context__
    return "refused" if isinstance(failed, httpx.ConnectError) else "broke_off"
