"""One model after another, for one call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing

import msgspec
import pytest

from parley.conversation.facts import PartReplaced
from parley.domain.agents import ModelChoice
from parley.domain.calls import CallPlan
from parley.domain.errors import ProviderUnavailable
from parley.domain.secrets import Secret
from parley.providers.failover.breaker import Breakers
from parley.providers.failover.responder import Model, SparedResponder
from parley.providers.protocols import ReplyPart, TextPart, TurnRequest
from tests.providers.failover.doubles import succession
from tests.providers.responders.turns import turn

Says = Callable[[], Sequence[str | Exception | None]]
"""What a model does: says words, fails, or says nothing more (None)."""
HANGS, WORKS = (lambda: [None]), (lambda: ["Yes."])


class Minds:
    """A responder over models of the test's; `asked` are the models as they were asked, with their keys."""

    def __init__(self, *models: Says, breakers: Breakers | None = None) -> None:
        self.now = asyncio.get_running_loop().time()
        self.asked: list[tuple[str, str]] = []
        self.told: list[PartReplaced] = []
        self.turns = 0
        self._models = models
        line = succession("responder", len(models), breakers)
        each = [Model(self, ModelChoice("any", f"model-{at}"), Secret(f"key-{at}")) for at in range(len(models))]
        self.responder = SparedResponder(each, line, self.told.append, lambda: self.now)

    async def respond(self, turn: TurnRequest) -> AsyncGenerator[ReplyPart, None]:
        model = turn.plan.agent.model.model
        self.asked.append((model, turn.plan.model_key.reveal()))
        for done in self._models[int(model[-1])]():
            if isinstance(done, Exception):
                raise done
            if done is None:
                await asyncio.Event().wait()
            yield TextPart(str(done))

    async def warm(self, plan: CallPlan) -> None: ...

    async def withdraw(self, turn: TurnRequest, reason: str, heard: str) -> None: ...

    async def first_words(self, *, askings: int) -> str:
        """Ask so often for one reply, and wait for whoever speaks."""
        self.turns += 1
        request = msgspec.structs.replace(turn(), reply=self.turns)
        said: asyncio.Queue[str] = asyncio.Queue()

        async def ask() -> None:
            async with aclosing(self.responder.respond(request)) as parts:
                async for part in parts:
                    assert isinstance(part, TextPart)
                    said.put_nowait(part.text)

        tasks = []
        for _ in range(askings):
            tasks.append(asyncio.create_task(ask()))
            await asyncio.sleep(0)
        try:
            async with asyncio.timeout(5):
                return await said.get()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def test_asked_once_more_the_next_model_answers_with_its_own_key_and_is_kept() -> None:
    minds = Minds(HANGS, WORKS)
    assert await minds.first_words(askings=2) == "Yes."
    assert minds.asked == [("model-0", "key-0"), ("model-1", "key-1")]
    assert await minds.first_words(askings=1) == "Yes."
    assert minds.asked[2:] == [("model-1", "key-1")]
    assert minds.told == [PartReplaced("responder", "took_over")]


async def test_after_the_last_one_the_first_is_asked_again() -> None:
    minds = Minds(HANGS, HANGS, WORKS)
    assert await minds.first_words(askings=5) == "Yes."
    assert [model for model, _ in minds.asked] == ["model-0", "model-1", "model-2", "model-0", "model-1"]


async def test_a_model_that_fails_is_followed_and_its_error_is_told() -> None:
    minds = Minds(lambda: [ProviderUnavailable("x", "Down.", retryable=True)], WORKS)
    request = turn()
    with pytest.raises(ProviderUnavailable):
        await anext(minds.responder.respond(request))
    assert await anext(minds.responder.respond(request)) == TextPart("Yes.")


async def test_the_only_model_is_asked_again() -> None:
    minds = Minds(WORKS)
    await minds.first_words(askings=2)
    assert [model for model, _ in minds.asked] == ["model-0", "model-0"]
    assert not minds.told


async def test_a_turn_that_the_caller_took_back_says_nothing_about_the_model() -> None:
    minds = Minds(HANGS, WORKS, breakers=(breakers := Breakers()))
    for _ in range(9):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001), aclosing(minds.responder.respond(turn())) as parts:
                await anext(parts)
        minds.turns += 1
        minds.responder._replies.clear()
    assert not breakers.is_open("responder", "first")


async def test_after_a_few_calls_the_next_one_begins_with_the_spare() -> None:
    breakers = Breakers()
    for _ in range(3):
        await Minds(HANGS, WORKS, breakers=breakers).first_words(askings=2)
    assert breakers.is_open("responder", "first")
    minds = Minds(HANGS, WORKS, breakers=breakers)
    assert await minds.first_words(askings=1) == "Yes."
    assert minds.told == [PartReplaced("responder", "took_over")]


async def test_the_turn_after_an_answer_that_stopped_in_the_middle_is_for_the_next_model() -> None:
    """Who was cut short by the caller in mid-answer keeps the next turn."""
    for gap_s, then in ((0.5, "model-0"), (2.5, "model-1")):
        minds = Minds(lambda: ["We are", None], WORKS)
        parts = minds.responder.respond(turn())
        await anext(parts)
        waiting = asyncio.create_task(anext(parts))
        await asyncio.sleep(0)
        minds.now, minds.turns = minds.now + gap_s, 10
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await minds.first_words(askings=1)
        assert minds.asked[-1][0] == then


async def test_the_turn_after_an_answer_that_broke_off_is_for_the_next_model() -> None:
    minds = Minds(lambda: ["We are", ProviderUnavailable("x", "Down.", retryable=True)], WORKS)
    parts = minds.responder.respond(turn())
    assert await anext(parts) == TextPart("We are")
    with pytest.raises(ProviderUnavailable):
        await anext(parts)
    minds.turns = 10
    assert await minds.first_words(askings=1) == "Yes."
    assert minds.asked[-1][0] == "model-1"
