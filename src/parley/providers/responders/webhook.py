"""The customer's own server answers the turn: one signed POST, whose answer is acted on as it arrives.

Whatever goes wrong is raised as a ProviderError that must not be retried: by contract a webhook's failure is silence
for this turn, and a voice turn is asked once. Every asking is told as a TurnDelivery, so that the owner of the server
can see what it answered and how long it took.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, aclosing
from datetime import UTC, datetime
from typing import TypeVar

import httpx
import msgspec

from parley.domain import events
from parley.domain.calls import CallPlan, WebhookTarget
from parley.domain.errors import BadInput, ProviderError, TargetBlocked
from parley.domain.events import CallFacts, HistoryItem, TurnDelivery
from parley.domain.ids import new_id
from parley.domain.webhooks import sign
from parley.providers.outbound import OutboundHttp, failure_code
from parley.providers.protocols import HistoryLine, ReplyPart, TextPart, TurnRequest
from parley.providers.responders.turn_reply import Chunk, ReplyReader, ReplyTooLarge, read_chunk

_T = TypeVar("_T")

MAX_TURN_S = 300.0
_NOTICE_S = 4.0
_DRAIN_S = 0.02
_ACCEPT = "application/x-ndjson, application/json"

_SENTENCES = {
    "timeout": "The webhook did not begin to answer in time; stream an interim line first.",
    "stalled": "The webhook paused too long between two lines.",
    "connect_failed": "The webhook's server cannot be reached.",
    "broke_off": "The webhook's server closed the connection before its answer was complete.",
    "http_status": "The webhook answered with an error status.",
    "encoded": "The webhook compressed its answer although it was asked not to.",
    "empty": "The webhook's answer was empty; answer with a JSON object.",
    "not_json": "The webhook's answer was not JSON; answer with a JSON object.",
    "not_an_object": "The webhook's answer was JSON but not an object.",
    "too_large": "The webhook's answer was too large; send it in lines of a sentence each.",
    "target_blocked": "The webhook's URL leads to an address that must not be called.",
    "bad_url": "The webhook's URL cannot be read.",
    "bad_secret": "The webhook's secret cannot sign; set the webhook again to get a new one.",
    "no_webhook": "The call has no webhook to ask.",
}


class WebhookResponder:
    """Asks the webhook of the call's plan. One for the whole server.

    `on_delivery` is told each asking when it is over, cut short or not; it must not block.
    """

    def __init__(
        self,
        http: OutboundHttp,
        on_delivery: Callable[[CallPlan, TurnDelivery], None],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._http = http
        self._on_delivery = on_delivery
        self._clock = clock

    async def respond(self, turn: TurnRequest) -> AsyncGenerator[ReplyPart, None]:
        """Yield what the webhook wants as each of its lines arrives; closing the generator closes the connection."""
        target = turn.plan.webhook
        if target is None:
            raise _failed("no_webhook")
        sent_at = self._clock()
        exchange = _Exchange(target, new_id("evt"))
        said = ""
        try:
            async with AsyncExitStack() as stack:
                await exchange.open(stack, self._http, _render(turn, target, sent_at), int(sent_at.timestamp()))
                while (chunk := await exchange.next()) is not None:
                    for part in chunk.parts(said, exchange.quiet_s):
                        said += part.text if isinstance(part, TextPart) else ""
                        yield part
                    if chunk.closes:
                        await exchange.drain()
                        break
        except ProviderError as error:
            exchange.error = error.reason
            raise
        finally:
            self._on_delivery(turn.plan, exchange.delivery(events.AGENT_MESSAGE, sent_at))

    async def withdraw(self, turn: TurnRequest, reason: str, heard: str) -> None:
        """Tell a webhook that wants to be asked early; once, and soon: later nobody would be helped by it."""
        target = turn.plan.webhook
        if target is None or not target.speculative:
            return
        sent_at = self._clock()
        exchange = _Exchange(target, new_id("evt"))
        body = _render_cancellation(turn, reason, heard, sent_at)
        try:
            async with asyncio.timeout(_NOTICE_S), AsyncExitStack() as stack:
                await exchange.send(stack, self._http, body, int(sent_at.timestamp()))
                exchange.error = None
        except TimeoutError:
            exchange.error = "timeout"
        except ProviderError as error:
            exchange.error = error.reason
        finally:
            self._on_delivery(turn.plan, exchange.delivery(events.TURN_CANCELED, sent_at))

    async def warm(self, plan: CallPlan) -> None:
        """Open a connection ahead. Cheap enough to be called whenever the caller begins to speak."""
        if plan.webhook is not None:
            await self._http.warm(plan.webhook.url, plan.call_id)


class _Exchange:
    """One request and its streamed answer, with its deadlines."""

    def __init__(self, target: WebhookTarget, message_id: str) -> None:
        self.error: str | None = "canceled"
        self.quiet_s = 0.0
        self._target = target
        self._message_id = message_id
        self._began = self._progressed = asyncio.get_running_loop().time()
        self._first_output_s: float | None = None
        self._response: httpx.Response | None = None
        self._stream: AsyncIterator[bytes] | None = None
        self._chunks: AsyncGenerator[Chunk, None] | None = None

    async def open(self, stack: AsyncExitStack, http: OutboundHttp, body: bytes, timestamp_s: int) -> None:
        """Send the request and wait for an answer that can be read. Raises ProviderError."""
        response = await self.send(stack, http, body, timestamp_s)
        if response.headers.get("content-encoding", "identity") != "identity":
            raise _failed("encoded")
        self._stream = response.aiter_raw()
        self._chunks = await stack.enter_async_context(aclosing(_read(self._stream)))

    async def send(self, stack: AsyncExitStack, http: OutboundHttp, body: bytes, timestamp_s: int) -> httpx.Response:
        """Send the signed request and wait for a good status. Raises ProviderError."""
        try:
            signature = sign(self._target.secret, self._message_id, timestamp_s, body)
        except BadInput as error:
            raise _failed("bad_secret") from error
        headers = {"content-type": "application/json", "accept": _ACCEPT, **signature}
        opened = stack.enter_async_context(http.post(self._target.url, body, headers))
        self._response = response = await self._in_time(opened)
        if response.status_code >= 300:
            raise _failed("http_status")
        return response

    async def next(self) -> Chunk | None:
        """The next chunk, or None when the answer ended. Raises ProviderError."""
        assert self._chunks is not None
        chunk = await self._in_time(anext(self._chunks, None))
        now = asyncio.get_running_loop().time()
        self.quiet_s, self._progressed = now - self._progressed, now
        if chunk is not None and self._first_output_s is None:
            self._first_output_s, self.error = now - self._began, None
        return chunk

    async def drain(self) -> None:
        """Give a well-behaved server a moment to end its answer, so that the connection can be used again."""
        assert self._stream is not None
        try:
            async with asyncio.timeout(_DRAIN_S):
                async for _ in self._stream:
                    pass
        except (TimeoutError, httpx.HTTPError):
            pass

    def delivery(self, event: str, sent_at: datetime) -> TurnDelivery:
        """How it went so far."""
        waited_s = self._first_output_s
        if waited_s is None:
            waited_s = asyncio.get_running_loop().time() - self._began
        return TurnDelivery(
            delivery_id=self._message_id,
            event_type=event,
            http_status=self._response.status_code if self._response is not None else None,
            error=self.error,
            response_ms=round(waited_s * 1000),
            sent_at=sent_at,
        )

    async def _in_time(self, step: Awaitable[_T]) -> _T:
        """Only a whole chunk is progress: bytes that trickle, and blank lines, do not hold the turn open."""
        limit = min(self._progressed + self._target.timeout_s, self._began + MAX_TURN_S)
        try:
            async with asyncio.timeout_at(limit):
                return await step
        except TimeoutError:
            reason = "timeout" if self._first_output_s is None else "stalled"
        except ReplyTooLarge:
            reason = "too_large"
        except (httpx.HTTPError, httpx.InvalidURL, TargetBlocked) as error:
            reason = failure_code(error)
        raise _failed(reason)


async def _read(stream: AsyncIterator[bytes]) -> AsyncGenerator[Chunk, None]:
    """The chunks of an answer as they come. Raises ProviderError when it ended without being one."""
    reader = ReplyReader()
    async for data in stream:
        for fields in reader.feed(data):
            yield read_chunk(fields)
    for fields in reader.finish():
        yield read_chunk(fields)
    if reader.problem:
        raise _failed(reader.problem)


def _failed(reason: str) -> ProviderError:
    return ProviderError("webhook", _SENTENCES[reason], retryable=False, reason=reason)


def _call(plan: CallPlan) -> CallFacts:
    return CallFacts(
        call_id=plan.call_id,
        agent_id=plan.agent.id,
        number_id=plan.number_id or None,
        phone_number=plan.from_number if plan.direction == "outbound" else plan.to_number,
        from_number=plan.from_number,
        to_number=plan.to_number,
        direction=plan.direction,
        status="in-progress",
        started_at=None,
    )


def _render_cancellation(turn: TurnRequest, reason: str, heard: str, now: datetime) -> bytes:
    payload = events.turn_canceled(
        _call(turn.plan),
        turn_id=turn.turn_id,
        transcript=turn.transcript,
        reason=reason,
        heard=heard,
        was_early=turn.is_early,
        at=now,
    )
    return msgspec.json.encode(payload)


def _render(turn: TurnRequest, target: WebhookTarget, now: datetime) -> bytes:
    payload = events.voice_turn(
        _call(turn.plan),
        transcript=turn.transcript,
        confidence=turn.confidence,
        history=_history(turn.history),
        context_limit=target.context_limit,
        at=now,
        whispers=[(whisper.text, whisper.at) for whisper in turn.whispers],
        transfer=turn.transfer,
        turn_id=turn.turn_id,
        digits=turn.digits,
        is_early=turn.is_early,
    )
    return msgspec.json.encode(payload)


def _history(lines: Sequence[HistoryLine]) -> list[HistoryItem]:
    return [
        HistoryItem(
            line.text, "inbound" if line.role == "caller" else "outbound", line.at, is_human=line.role == "human"
        )
        for line in lines
        if line.text.strip()
    ]
