import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import msgspec
import pytest

from parley.domain.calls import CallPlan
from parley.domain.errors import ProviderError
from parley.domain.events import TurnDelivery
from parley.providers.guard import TargetRules
from parley.providers.outbound import OutboundHttp
from parley.providers.protocols import (
    DigitsPart,
    HangupPart,
    ReplyPart,
    SilencePart,
    TextPart,
    TransferPart,
    TurnRequest,
)
from parley.providers.responders.webhook import WebhookResponder
from tests.emulators.http_server import Answer
from tests.emulators.webhook import DEAD, EMPTY, GARBAGE, HTML, SILENT, Decide, WebhookEmulator, ndjson, plain, raw
from tests.providers.responders.turns import collect, text_of, turn

FILLER = {"text": "One moment.", "interim": True}
ANSWER = {"text": "Until six."}


class Desk:
    """A responder and what it told about its askings."""

    def __init__(self, rules: TargetRules) -> None:
        self.http = OutboundHttp.guarded(rules)
        self.deliveries: list[TurnDelivery] = []
        self.responder = WebhookResponder(self.http, self._note)

    def _note(self, plan: CallPlan, delivery: TurnDelivery) -> None:
        self.deliveries.append(delivery)

    async def ask(self, decide: Decide, *, timeout_s: float = 2.0) -> list[ReplyPart]:
        async with WebhookEmulator(decide) as webhook:
            return await collect(self.responder.respond(turn(webhook, timeout_s=timeout_s)))

    async def fails(self, decide: Decide, *, timeout_s: float = 2.0) -> str:
        with pytest.raises(ProviderError) as caught:
            await self.ask(decide, timeout_s=timeout_s)
        assert not caught.value.retryable
        assert self.deliveries[-1].error == caught.value.reason
        return caught.value.reason


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    desk = Desk(TargetRules(allow_private=True))
    yield desk
    await desk.http.aclose()


async def test_the_turn_is_told_signed_with_what_was_heard_before(desk: Desk) -> None:
    async with WebhookEmulator(lambda event: ANSWER) as webhook:
        assert await collect(desk.responder.respond(turn(webhook))) == [TextPart("Until six.")]
        received = webhook.received[0]
    assert received.is_signed
    event = received.event
    assert event["event"] == "agent.message"
    assert event["channel"] == "voice"
    assert event["data"]["transcript"] == "Until when?"
    assert [(line["direction"], line["content"]) for line in event["recentHistory"]] == [
        ("outbound", "Hello!"),
        ("inbound", "Are you open?"),
        ("outbound", "Yes, until"),
        ("inbound", "Until when?"),
    ]
    assert [item["at"] for item in event["recentHistory"]][-1] == "2026-01-02T03:04:10.000Z"
    delivery = desk.deliveries[0]
    assert (delivery.delivery_id, delivery.http_status, delivery.error) == (received.message_id, 200, None)
    assert 0 <= delivery.response_ms < 60_000


async def test_the_context_limit_cuts_the_oldest_and_none_gives_none(desk: Desk) -> None:
    async with WebhookEmulator(lambda event: ANSWER) as webhook:
        for limit, lengths in ((2, 2), (0, 0), (50, 4)):
            await collect(desk.responder.respond(turn(webhook, context_limit=limit)))
            assert len(webhook.turns[-1]["recentHistory"]) == lengths


async def test_each_line_is_acted_on_as_it_arrives(desk: Desk) -> None:
    async with WebhookEmulator(lambda event: ndjson(FILLER, ANSWER, gap_s=0.4)) as webhook:
        loop = asyncio.get_running_loop()
        first, second = [loop.time() async for _ in desk.responder.respond(turn(webhook))]
        assert second - first > 0.1  # it was handed on before the second was even sent


@pytest.mark.parametrize("content_type", ["application/json", "application/x-ndjson", "text/html", ""])
@pytest.mark.parametrize("body", [json.dumps(ANSWER), json.dumps(ANSWER, indent=2), json.dumps(ANSWER) + "\n"])
async def test_the_content_type_does_not_matter(desk: Desk, content_type: str, body: str) -> None:
    answer = Answer([body.encode()], content_type=content_type)
    assert await desk.ask(lambda event: answer) == [TextPart("Until six.")]


async def test_lines_under_the_plain_content_type_are_lines_all_the_same(desk: Desk) -> None:
    body = json.dumps(FILLER) + "\n\n" + json.dumps(ANSWER) + "\n"
    assert text_of(await desk.ask(lambda event: Answer([body.encode()]))) == "One moment. Until six."


async def test_the_closing_chunk_ends_the_turn_though_the_socket_stays_open(desk: Desk) -> None:
    late = {"text": "never heard"}
    assert text_of(await desk.ask(lambda event: ndjson(ANSWER, late, ending="hang"))) == "Until six."


async def test_the_end_of_the_stream_closes_the_turn_too(desk: Desk) -> None:
    assert text_of(await desk.ask(lambda event: ndjson(FILLER))) == "One moment."


async def test_lines_that_are_no_objects_are_skipped(desk: Desk) -> None:
    lines = b'"hm"\n\n[1]\n17\n{"text": "bro\n' + json.dumps(ANSWER).encode() + b"\n"
    assert text_of(await desk.ask(lambda event: raw(lines))) == "Until six."


async def test_keys_hangup_and_transfer(desk: Desk) -> None:
    async def ask(*lines: dict[str, Any]) -> list[ReplyPart]:
        return await desk.ask(lambda event: ndjson(*lines))

    assert await ask({"text": "Bye.", "hangup": True}) == [TextPart("Bye."), HangupPart()]
    assert await ask({"action": "hangup"}) == [HangupPart()]
    assert await ask({"text": "I put you through.", "action": "transfer"}) == [
        TextPart("I put you through."),
        TransferPart(),
    ]
    assert await ask({"digits": "1", "interim": True}, {"dtmf": "2#"}) == [DigitsPart("1"), DigitsPart("2#")]
    assert await ask({}) == []
    assert await ask({"silent": True}) == await ask({"action": "silent", "text": ""}) == [SilencePart()]
    assert await ask({"silent": True, "text": "Hm."}) == [TextPart("Hm.")]
    assert desk.deliveries[-1].error is None


async def test_every_other_answer_is_a_failure_that_is_not_retried(desk: Desk) -> None:
    assert await desk.fails(lambda event: EMPTY) == "empty"
    assert await desk.fails(lambda event: HTML) == "not_json"
    assert await desk.fails(lambda event: GARBAGE) == "not_json"
    assert await desk.fails(lambda event: plain(["text"])) == "not_an_object"
    assert await desk.fails(lambda event: plain("text")) == "not_an_object"
    assert await desk.fails(lambda event: plain(42)) == "not_an_object"
    assert await desk.fails(lambda event: Answer([b"{}"], status=500)) == "http_status"
    assert desk.deliveries[-1].http_status == 500
    assert await desk.fails(lambda event: Answer(status=302, headers={"location": "/"})) == "http_status"
    assert await desk.fails(lambda event: Answer([b"{}"], headers={"content-encoding": "gzip"})) == "encoded"
    assert await desk.fails(lambda event: DEAD) == "broke_off"
    assert await desk.fails(lambda event: raw(b'{"text": "' + b"x" * 100_000)) == "too_large"


async def test_a_dead_webhook_is_asked_once(desk: Desk) -> None:
    async with WebhookEmulator(lambda event: ANSWER) as webhook:
        await collect(desk.responder.respond(turn(webhook)))
        webhook.decide = lambda event: DEAD
        with pytest.raises(ProviderError):
            await collect(desk.responder.respond(turn(webhook)))
        assert len(webhook.turns) == 2
        await webhook.server.drop_all()
        webhook.decide = lambda event: ANSWER
        assert text_of(await collect(desk.responder.respond(turn(webhook)))) == "Until six."


async def test_no_output_in_time_is_a_timeout_and_the_request_is_cancelled(desk: Desk) -> None:
    async with WebhookEmulator(lambda event: SILENT) as webhook:
        with pytest.raises(ProviderError) as caught:
            async with asyncio.timeout(60):
                await collect(desk.responder.respond(turn(webhook, timeout_s=0.15)))
        assert caught.value.reason == "timeout"
        await asyncio.wait_for(webhook.server.left.wait(), 60)
        assert webhook.server.abandoned == 1
    assert desk.deliveries[0].response_ms >= 150


async def test_bytes_that_trickle_are_no_output(desk: Desk) -> None:
    slow = raw(*[piece for _ in range(40) for piece in (b"\n", 0.02)], json.dumps(ANSWER).encode())
    assert await desk.fails(lambda event: slow, timeout_s=0.2) == "timeout"


async def test_the_pause_between_chunks_is_limited_but_not_their_sum(desk: Desk) -> None:
    patient = ndjson(*[FILLER] * 8, ANSWER, gap_s=0.15)
    assert text_of(await desk.ask(lambda event: patient, timeout_s=1.0)).endswith("Until six.")
    assert await desk.fails(lambda event: ndjson(FILLER, ending="hang"), timeout_s=1.0) == "stalled"
    assert desk.deliveries[-1].http_status == 200


async def test_a_cut_after_the_first_line_keeps_what_was_said(desk: Desk) -> None:
    async with WebhookEmulator(lambda event: ndjson(FILLER, ending="cut")) as webhook:
        reply = desk.responder.respond(turn(webhook))
        assert await anext(reply) == TextPart("One moment.")
        with pytest.raises(ProviderError) as caught:
            await anext(reply)
    assert caught.value.reason == "broke_off"


async def test_an_interruption_closes_the_connection(desk: Desk) -> None:
    async with WebhookEmulator(lambda event: ndjson(FILLER, ending="hang")) as webhook:
        async with aclosing(desk.responder.respond(turn(webhook))) as reply:
            await anext(reply)
        await asyncio.wait_for(webhook.server.left.wait(), 60)
        assert webhook.server.abandoned == 1
    assert desk.deliveries[-1].error is None


async def test_a_cancelled_asking_is_told_too(desk: Desk) -> None:
    async with WebhookEmulator(lambda event: SILENT) as webhook:
        asking = asyncio.ensure_future(collect(desk.responder.respond(turn(webhook))))
        await webhook.wait_for("agent.message")
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
    assert desk.deliveries[-1].error == "canceled"


async def test_the_connection_is_used_again(desk: Desk) -> None:
    async with WebhookEmulator(lambda event: ndjson(FILLER, ANSWER)) as webhook:
        for _ in range(3):
            await collect(desk.responder.respond(turn(webhook)))
        assert webhook.server.connections == 1


async def test_a_private_address_is_refused_unless_allowed() -> None:
    desk = Desk(TargetRules())
    assert await desk.fails(lambda event: ANSWER) == "target_blocked"
    await desk.http.aclose()


async def test_warming_never_fails(desk: Desk) -> None:
    async with WebhookEmulator(lambda event: ANSWER) as webhook:
        await desk.responder.warm(turn(webhook).plan)
    await desk.responder.warm(turn(None).plan)


def early(request: TurnRequest, **changes: Any) -> TurnRequest:
    """The same turn, of a webhook that wants to be asked early and told what came of it."""
    assert request.plan.webhook is not None
    target = msgspec.structs.replace(request.plan.webhook, speculative=True)
    plan = msgspec.structs.replace(request.plan, webhook=target)
    return msgspec.structs.replace(request, **({"plan": plan, "turn": 3} | changes))


async def test_a_turn_says_which_one_it_is_and_whether_it_is_certainly_over(desk: Desk) -> None:
    async with WebhookEmulator(lambda event: ANSWER) as webhook:
        await collect(desk.responder.respond(turn(webhook)))
        await collect(desk.responder.respond(early(turn(webhook), is_early=True, digits="4711")))
        await collect(desk.responder.respond(early(turn(webhook))))
        plain, first, again = [event["data"] for event in webhook.turns]
    assert plain["turnId"] == "turn_1_0"
    assert "speculative" not in plain
    assert "digits" not in plain
    assert (first["turnId"], first["speculative"], first["digits"]) == ("turn_1_3", True, "4711")
    assert again["turnId"] == first["turnId"]
    assert "speculative" not in again


async def test_a_withdrawn_turn_is_told_once_signed_and_kept_among_the_deliveries(desk: Desk) -> None:
    async with WebhookEmulator(lambda event: ANSWER) as webhook:
        await desk.responder.withdraw(early(turn(webhook), is_early=True), "caller_went_on", "")
        await desk.responder.withdraw(early(turn(webhook)), "interrupted", "We are open")
        first, second = webhook.received
    assert first.is_signed
    assert first.event["event"] == "agent.turn_canceled"
    data = first.event["data"]
    assert (data["turnId"], data["reason"], data["heard"], data["speculative"]) == (
        "turn_1_3",
        "caller_went_on",
        "",
        True,
    )
    assert data["transcript"] == "Until when?"  # of two askings of one turn, the one with these words
    assert (second.event["data"]["reason"], second.event["data"]["heard"]) == ("interrupted", "We are open")
    assert "speculative" not in second.event["data"]
    assert [(one.event_type, one.http_status, one.error) for one in desk.deliveries] == [
        ("agent.turn_canceled", 200, None)
    ] * 2
    assert desk.deliveries[0].delivery_id == first.message_id


async def test_a_webhook_that_did_not_ask_for_it_is_not_told(desk: Desk) -> None:
    async with WebhookEmulator(lambda event: ANSWER) as webhook:
        await desk.responder.withdraw(turn(webhook), "interrupted", "We are")
        await desk.responder.withdraw(turn(None), "interrupted", "We are")
        assert webhook.received == []


async def test_telling_of_a_withdrawn_turn_never_fails(desk: Desk) -> None:
    async with WebhookEmulator(lambda event: ANSWER) as webhook:
        webhook.status, gone = 500, early(turn(webhook))
        await desk.responder.withdraw(gone, "interrupted", "")
    await desk.responder.withdraw(gone, "interrupted", "")  # nobody listens there any more
    assert [one.error for one in desk.deliveries] == ["http_status", "connect_failed"]


async def test_closing_an_early_asking_closes_its_connection(desk: Desk) -> None:
    async with WebhookEmulator(lambda event: SILENT) as webhook:
        asking = asyncio.ensure_future(collect(desk.responder.respond(early(turn(webhook), is_early=True))))
        await webhook.wait_for("agent.message")
        asking.cancel()
        await asyncio.wait_for(webhook.server.left.wait(), 60)
        assert webhook.server.abandoned == 1
