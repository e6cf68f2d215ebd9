"""Asking for replies: a second asking beside a slow one, the first to answer wins, cancelled ones stay silent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable

import msgspec

from parley.conversation import facts
from parley.conversation.ledger import Spoken
from parley.conversation.wishes import AskReply, CancelReply
from parley.domain.agents import AgentSnapshot
from parley.domain.calls import CallPlan, WebhookTarget
from parley.domain.errors import ProviderUnavailable
from parley.domain.secrets import Secret
from parley.live.replier import Replier
from parley.providers.protocols import DigitsPart, HangupPart, ReplyPart, TextPart, TransferPart, TurnRequest
from tests.live.test_scribe import PLAN

Script = Callable[[int], AsyncGenerator[ReplyPart, None]]


class ScriptedResponder:
    """Answers asking number k with `script(k)`."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self.requests: list[TurnRequest] = []
        self.warmed = 0
        self.withdrawn: list[tuple[str, str, str]] = []

    async def respond(self, turn: TurnRequest) -> AsyncGenerator[ReplyPart, None]:
        self.requests.append(turn)
        async for part in self._script(len(self.requests)):
            yield part

    async def warm(self, plan: CallPlan) -> None:
        self.warmed += 1

    async def withdraw(self, turn: TurnRequest, reason: str, heard: str) -> None:
        self.withdrawn.append((turn.turn_id, reason, heard))


async def told_by(
    script: Script, then: Callable[[Replier, int], None] | None = None, plan: CallPlan = PLAN
) -> tuple[list[facts.AnyFact], ScriptedResponder]:
    """Ask for reply 1, run `then` at every turn of the loop, and return what was told."""
    told: list[facts.AnyFact] = []
    responder = ScriptedResponder(script)
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        replier = Replier(plan, responder, tasks, told.append, lambda: [Spoken("caller", "Hello?", 1.0)])
        replier.ask(AskReply(1, 0, "Hello?"))
        for turn in range(10):
            await asyncio.sleep(0)
            if then is not None:
                then(replier, turn)
    return told, responder


async def test_parts_become_facts_and_the_end_is_told() -> None:
    async def script(asking: int) -> AsyncGenerator[ReplyPart, None]:
        for part in (TextPart("Hi "), DigitsPart("1"), TransferPart(), HangupPart()):
            yield part

    told, responder = await told_by(script)
    assert told == [
        facts.ReplyText(1, "Hi "),
        facts.ReplyDigits(1, "1"),
        facts.ReplyTransfer(1),
        facts.ReplyHangup(1),
        facts.ReplyDone(1),
    ]
    assert [line.text for line in responder.requests[0].history] == ["Hello?"]


async def test_a_webhooks_chunks_are_whole() -> None:
    plan = CallPlan(
        "call_1",
        "proj_1",
        "inbound",
        "",
        "",
        AgentSnapshot("agent_1", "Ada", "webhook"),
        webhook=WebhookTarget("https://a.example", Secret("x")),
    )

    async def script(asking: int) -> AsyncGenerator[ReplyPart, None]:
        yield TextPart("One moment.")

    told, _ = await told_by(script, plan=plan)
    assert told[0] == facts.ReplyText(1, "One moment.", is_whole=True)


async def test_the_faster_of_two_askings_is_used_and_the_other_one_closed() -> None:
    closed: list[int] = []

    async def script(asking: int) -> AsyncGenerator[ReplyPart, None]:
        try:
            if asking == 1:
                await asyncio.Event().wait()
            yield TextPart(f"from {asking}")
        finally:
            closed.append(asking)

    told, _ = await told_by(script, lambda replier, turn: replier.retry(1) if turn == 2 else None)
    assert told == [facts.ReplyText(1, "from 2"), facts.ReplyDone(1)]
    assert 1 in closed


async def test_one_of_two_askings_failing_is_not_a_failure() -> None:
    gate = asyncio.Event()

    async def script(asking: int) -> AsyncGenerator[ReplyPart, None]:
        if asking == 1:
            await gate.wait()
            raise ProviderUnavailable("openai", "Slow down.", retryable=True)
        await asyncio.sleep(0)
        gate.set()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        yield TextPart("Here.")

    told, _ = await told_by(script, lambda replier, turn: replier.retry(1) if turn == 1 else None)
    assert told == [facts.ReplyText(1, "Here."), facts.ReplyDone(1)]


async def test_a_failure_is_told_and_a_retry_after_it_may_still_answer() -> None:
    async def script(asking: int) -> AsyncGenerator[ReplyPart, None]:
        if asking == 1:
            raise ProviderUnavailable("openai", "Down.", retryable=True)
        yield TextPart("Back.")

    told, _ = await told_by(script, lambda replier, turn: replier.retry(1) if turn == 5 else None)
    assert told == [
        facts.ReplyFailed(1, "provider_failed"),
        facts.ReplyText(1, "Back."),
        facts.ReplyDone(1),
    ]


async def test_a_webhooks_failure_is_told_as_silence() -> None:
    async def script(asking: int) -> AsyncGenerator[ReplyPart, None]:
        if asking == 1:
            raise ProviderUnavailable("webhook", "Nothing came.", retryable=False)
        yield TextPart("Never asked for.")

    asked = msgspec.structs.replace(PLAN, agent=AgentSnapshot("agent_1", "Ada", "webhook"))
    told, _ = await told_by(script, plan=asked)
    assert told == [facts.ReplyFailed(1, "provider_failed", silent=True)]


async def test_a_cancelled_reply_is_never_heard_of() -> None:
    closed: list[int] = []

    async def script(asking: int) -> AsyncGenerator[ReplyPart, None]:
        try:
            yield TextPart("One ")
            await asyncio.Event().wait()
        finally:
            closed.append(asking)

    told, _ = await told_by(script, lambda replier, turn: replier.cancel(CancelReply(1)) if turn == 3 else None)
    assert told == [facts.ReplyText(1, "One ")]
    assert closed == [1]


async def test_a_reply_that_breaks_off_may_be_asked_for_again() -> None:
    async def script(asking: int) -> AsyncGenerator[ReplyPart, None]:
        yield TextPart(f"from {asking}")
        if asking == 1:
            raise ProviderUnavailable("openai", "Broke off.", retryable=True)

    told, _ = await told_by(script, lambda replier, turn: replier.retry(1) if turn == 5 else None)
    assert told == [
        facts.ReplyText(1, "from 1"),
        facts.ReplyFailed(1, "provider_failed"),
        facts.ReplyText(1, "from 2"),
        facts.ReplyDone(1),
    ]


async def test_after_a_failed_turn_connections_are_warmed_and_nothing_of_it_is_kept() -> None:
    async def script(asking: int) -> AsyncGenerator[ReplyPart, None]:
        if asking:
            raise ProviderUnavailable("openai", "Down.", retryable=True)
        yield TextPart("")

    def then(replier: Replier, turn: int) -> None:
        if turn == 5:
            replier.warm()
            replier.ask(AskReply(2, 1, "Hello?"))
            assert replier.open_askings == 1

    _, responder = await told_by(script, then)
    assert responder.warmed == 1
