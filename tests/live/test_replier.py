"""Asking for replies: a second asking beside a slow one, the first to answer wins, cancelled ones stay silent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable

import msgspec
import pytest

from parley.conversation import facts
from parley.conversation.ledger import Spoken
from parley.conversation.wishes import AskReply, CancelReply
from parley.domain.agents import AgentSnapshot
from parley.domain.calls import CallPlan, Continuation, WebhookTarget
from parley.domain.errors import ProviderUnavailable
from parley.domain.secrets import Secret
from parley.live.replier import Replier
from parley.providers.protocols import (
    DigitsPart,
    HangupPart,
    RefusedPart,
    ReplyPart,
    SilencePart,
    TextPart,
    TransferPart,
    TurnRequest,
)
from tests.live.test_scribe import PLAN

Script = Callable[[int], AsyncGenerator[ReplyPart, None]]


class ScriptedResponder:
    """Answers asking number k with `script(k)`."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self.requests: list[TurnRequest] = []
        self.warmed = 0
        self.withdrawn: list[tuple[str, str, str]] = []
        self.was_early = False

    async def respond(self, turn: TurnRequest) -> AsyncGenerator[ReplyPart, None]:
        self.requests.append(turn)
        async for part in self._script(len(self.requests)):
            yield part

    async def warm(self, plan: CallPlan) -> None:
        self.warmed += 1

    async def withdraw(self, turn: TurnRequest, reason: str, heard: str) -> None:
        self.withdrawn.append((turn.turn_id, reason, heard))
        self.was_early = turn.is_early


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


EAGER_WEBHOOK = msgspec.structs.replace(
    PLAN,
    agent=AgentSnapshot("agent_1", "Ada", "webhook"),
    webhook=WebhookTarget("https://a.example", Secret("x"), speculative=True),
)


async def one_answer(asking: int) -> AsyncGenerator[ReplyPart, None]:
    yield TextPart("Here.")


async def no_answer(asking: int) -> AsyncGenerator[ReplyPart, None]:
    await asyncio.Event().wait()
    yield TextPart("Never.")


async def test_what_a_model_wants_besides_speaking_is_told() -> None:
    async def script(asking: int) -> AsyncGenerator[ReplyPart, None]:
        yield RefusedPart("tool_not_offered")
        yield SilencePart()

    told, _ = await told_by(script)
    assert told == [facts.ReplyRefused(1, "tool_not_offered"), facts.ReplySilent(1), facts.ReplyDone(1)]


async def asked_early(history: list[Spoken], wish: AskReply) -> TurnRequest:
    responder = ScriptedResponder(one_answer)
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        Replier(PLAN, responder, tasks, lambda fact: None, lambda: history).ask(wish)
    return responder.requests[0]


async def test_an_early_asking_ends_with_words_that_are_not_in_the_history_yet() -> None:
    before = [Spoken("agent", "Hello!", 0.5, 0)]
    request = await asked_early(before, AskReply(1, 1, "Are you open?", is_early=True))
    assert request.is_early
    assert [line.text for line in request.history] == ["Hello!", "Are you open?"]
    # Of a turn that goes on after all, the history has the first words already.
    reopened = [*before, Spoken("caller", "Are you", 2.0, 1)]
    request = await asked_early(reopened, AskReply(1, 1, "Are you open?", is_early=True))
    assert [line.text for line in request.history] == ["Hello!", "Are you open?"]
    request = await asked_early([*before, Spoken("caller", "Are you open?", 2.0, 1)], AskReply(1, 1, "Are you open?"))
    assert [line.text for line in request.history] == ["Hello!", "Are you open?"]


async def test_one_turn_has_one_id_and_no_other_turn_of_the_call_has_it() -> None:
    first = await asked_early([], AskReply(1, 0, "One"))
    more = await asked_early([], AskReply(2, 0, "One two"))
    second = await asked_early([], AskReply(3, 1, "Three"))
    assert first.turn_id == more.turn_id == "turn_1_0"
    later = msgspec.structs.replace(
        second, turn=0, plan=msgspec.structs.replace(second.plan, continues=Continuation(100_000, 60.0))
    )
    assert len({first.turn_id, second.turn_id, later.turn_id}) == 3


async def test_a_webhook_that_is_asked_early_is_told_what_nobody_heard() -> None:
    def then(replier: Replier, turn: int) -> None:
        if turn == 5:
            replier.cancel(CancelReply(1, reason="caller_went_on"))

    for script in (no_answer, one_answer):  # whether its answer is complete or not
        _, responder = await told_by(script, then, EAGER_WEBHOOK)
        assert responder.withdrawn == [("turn_1_0", "caller_went_on", "")]


async def test_a_webhook_that_is_asked_early_is_told_how_much_was_heard() -> None:
    def then(replier: Replier, turn: int) -> None:
        if turn == 5:
            replier.cancel(CancelReply(1, "We are", "interrupted"))
            replier.cancel(CancelReply(1, "We are", "interrupted"))

    _, responder = await told_by(one_answer, then, EAGER_WEBHOOK)
    assert responder.withdrawn == [("turn_1_0", "interrupted", "We are")]


@pytest.mark.parametrize("confirmed_at", [0, 6])
async def test_an_answer_that_counted_was_no_early_one_any_more(confirmed_at: int) -> None:
    async def script(asking: int) -> AsyncGenerator[ReplyPart, None]:
        await asyncio.sleep(0)
        yield TextPart("Here.")

    responder = ScriptedResponder(script)
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        replier = Replier(EAGER_WEBHOOK, responder, tasks, lambda fact: None, list)
        replier.ask(AskReply(1, 0, "Hello?", is_early=True))
        for turn in range(10):
            await asyncio.sleep(0)
            if turn == confirmed_at:
                replier.confirm(1)
        replier.cancel(CancelReply(1, "He", "interrupted"))
    assert responder.withdrawn == [("turn_1_0", "interrupted", "He")]
    assert not responder.was_early


async def test_nobody_else_is_told_and_the_end_of_a_call_is_told_by_its_own_event() -> None:
    plain = msgspec.structs.replace(EAGER_WEBHOOK, webhook=WebhookTarget("https://a.example", Secret("x")))
    for plan in (PLAN, plain):
        _, responder = await told_by(one_answer, lambda replier, turn: replier.cancel(CancelReply(1)), plan)
        assert responder.withdrawn == []
    _, responder = await told_by(
        no_answer, lambda replier, turn: replier.cancel_all() if turn == 5 else None, EAGER_WEBHOOK
    )
    assert responder.withdrawn == []


async def test_only_the_last_few_answers_are_remembered() -> None:
    def then(replier: Replier, turn: int) -> None:
        replier.ask(AskReply(turn + 2, turn + 1, "Hello?"))
        if turn == 9:
            for reply in (1, 2, 3, 7):
                replier.cancel(CancelReply(reply, reason="interrupted"))

    _, responder = await told_by(one_answer, then, EAGER_WEBHOOK)
    assert responder.withdrawn == [("turn_1_6", "interrupted", "")]


async def test_an_early_asking_that_is_confirmed_is_an_asking_like_another() -> None:
    gate = asyncio.Event()

    async def script(asking: int) -> AsyncGenerator[ReplyPart, None]:
        if asking == 1:
            await gate.wait()
        yield TextPart(f"from {asking}")

    told: list[facts.AnyFact] = []
    responder = ScriptedResponder(script)
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        replier = Replier(PLAN, responder, tasks, told.append, list)
        replier.ask(AskReply(1, 0, "Hello?", is_early=True))
        await asyncio.sleep(0)
        replier.confirm(1)
        replier.retry(1)
        await asyncio.sleep(0.01)
        gate.set()
    assert [request.is_early for request in responder.requests] == [True, False]
    assert told == [facts.ReplyText(1, "from 2"), facts.ReplyDone(1)]  # and never from both
