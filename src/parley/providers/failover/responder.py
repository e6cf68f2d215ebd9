"""A chat model made of several: asked once more for the same reply, the next one in line answers.

The conversation decides when a model is late and whose words are used. A model that took over is kept for the rest of
the call. A customer's webhook has nobody who could take its place.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass

import msgspec
import structlog

from parley.conversation.facts import PartReplaced
from parley.domain.agents import ModelChoice
from parley.domain.calls import CallPlan
from parley.domain.errors import ProviderError
from parley.domain.secrets import Secret
from parley.providers.failover.succession import Succession
from parley.providers.protocols import ReplyPart, Responder, TurnRequest

_log = structlog.get_logger()
_STALLED_S = 2.0  # a reply that was given up after such a gap had stopped, whoever gave it up
_MOST_REPLIES = 8  # that are asked for at a time


@dataclass(frozen=True, slots=True)
class Model:
    """One chat model that can answer the turns of a call."""

    responder: Responder
    choice: ModelChoice
    key: Secret


class _Asked:
    """Of one reply: who was asked, who has said nothing yet, and who was found late for that."""

    __slots__ = ("late", "silent", "tried")

    def __init__(self) -> None:
        self.tried: list[int] = []
        self.silent: set[int] = set()
        self.late: set[int] = set()


class SparedResponder:
    """A `Responder` for one call, over several models. `clock` is the event loop's unless a test brings another."""

    def __init__(
        self,
        models: Sequence[Model],
        succession: Succession,
        emit: Callable[[PartReplaced], None],
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._models = models
        self._succession = succession
        self._emit = emit
        self._now = clock or asyncio.get_running_loop().time
        self._current = succession.first
        self._replies: dict[int, _Asked] = {}

    async def warm(self, plan: CallPlan) -> None:
        await self._models[self._current].responder.warm(plan)

    async def withdraw(self, turn: TurnRequest, reason: str, heard: str) -> None:
        await self._models[self._current].responder.withdraw(turn, reason, heard)

    async def respond(self, turn: TurnRequest) -> AsyncGenerator[ReplyPart, None]:
        """As the model whose turn it is answers: the one in use, or the next one where this reply was asked for before.

        Raises what that model raises.
        """
        asked = self._asked(turn.reply)
        index = self._next(asked)
        model = self._models[index]
        asked.tried.append(index)
        asked.silent.add(index)
        last_at, is_over = self._now(), False
        try:
            async with aclosing(model.responder.respond(_for(turn, model))) as parts:
                async for part in parts:
                    if index in asked.silent:
                        self._answers(asked, index)
                    last_at = self._now()
                    yield part
            is_over = True
        except ProviderError as error:
            is_over = True
            if not error.retryable:
                self._succession.refused(index)
            if index in asked.silent:
                self._succession.failed(index, error.reason, self._now())
            else:
                self._broke_off(index, error.reason)
            raise
        finally:
            if not is_over and index not in asked.silent and self._now() - last_at >= _STALLED_S:
                self._broke_off(index, "stalled")
            if is_over:
                asked.silent.discard(index)

    def _asked(self, reply: int) -> _Asked:
        asked = self._replies.setdefault(reply, _Asked())
        while len(self._replies) > _MOST_REPLIES:
            del self._replies[min(self._replies)]
        return asked

    def _next(self, asked: _Asked) -> int:
        """Whoever was asked before and has said nothing was late, until it answers all the same."""
        if not asked.tried:
            following = self._succession.next({self._current}) if self._succession.is_refused(self._current) else None
            return self._current if following is None else following
        for late in asked.silent - asked.late:
            self._succession.failed(late, "late", self._now())
        asked.late |= asked.silent
        untried = self._succession.next(set(asked.tried))
        if untried is not None:
            return untried
        again = self._succession.next({asked.tried[-1]})
        return asked.tried[-1] if again is None else again

    def _answers(self, asked: _Asked, index: int) -> None:
        asked.silent.discard(index)
        if index != self._current:
            _log.warning("model_replaced", by=index)
        self._current = index
        if self._succession.succeeded(index):
            self._emit(PartReplaced("responder", "took_over"))

    def _broke_off(self, index: int, reason: str) -> None:
        """It stopped in mid-answer, and is not asked for the rest: the next turn is for the next one."""
        self._succession.failed(index, reason, self._now())
        following = self._succession.next({index})
        if index == self._current and following is not None:
            self._current = following


def _for(turn: TurnRequest, model: Model) -> TurnRequest:
    """The same turn, as this model is asked for it."""
    agent = msgspec.structs.replace(turn.plan.agent, model=model.choice)
    return msgspec.structs.replace(turn, plan=msgspec.structs.replace(turn.plan, agent=agent, model_key=model.key))
