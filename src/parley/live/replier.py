"""Asking the responder: one task an asking, a second one beside a slow first, nothing kept of what was cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing
from datetime import UTC, datetime, timedelta

import msgspec
import structlog

from parley.conversation.facts import (
    AnyFact,
    ReplyDigits,
    ReplyDone,
    ReplyFailed,
    ReplyHangup,
    ReplyText,
    ReplyTransfer,
)
from parley.conversation.ledger import Spoken
from parley.conversation.steering import Whisper
from parley.conversation.wishes import AskReply
from parley.domain.calls import CallPlan
from parley.domain.errors import ParleyError
from parley.providers.protocols import (
    DigitsPart,
    HangupPart,
    HistoryLine,
    Instruction,
    ReplyPart,
    Responder,
    TextPart,
    TurnRequest,
)

log = structlog.get_logger()


class _Asking:
    """One reply being asked for, by up to two tasks; the first to bring a part is the one that is used."""

    __slots__ = ("request", "tasks", "winner")

    def __init__(self, request: TurnRequest) -> None:
        self.request = request
        self.tasks: set[asyncio.Task[None]] = set()
        self.winner: asyncio.Task[None] | None = None


class Replier:
    """Turns askings into facts. Its tasks are children of the session's TaskGroup; cancelling is always safe."""

    def __init__(
        self,
        plan: CallPlan,
        responder: Responder,
        tasks: asyncio.TaskGroup,
        emit: Callable[[AnyFact], None],
        history: Callable[[], Sequence[Spoken]],
        whispers: Callable[[], Sequence[Whisper]] = tuple,
    ) -> None:
        self._plan = plan
        self._responder = responder
        self._tasks = tasks
        self._emit = emit
        self._history = history
        self._whispers = whispers
        self._askings: dict[int, _Asking] = {}
        self._began = datetime.now(UTC)

    def ask(self, wish: AskReply) -> None:
        lines = [HistoryLine(one.role, one.text, self._moment(one.at_s)) for one in self._history()]
        earlier = self._plan.continues.lines if self._plan.continues is not None else ()
        history = (*(HistoryLine(one.role, one.text, one.at) for one in earlier), *lines)
        told = tuple(Instruction(one.text, self._moment(one.at_s)) for one in self._whispers())
        if wish.is_early:  # the conversation's own history does not know these words before the turn is over
            history = (*history, HistoryLine("caller", wish.transcript, datetime.now(UTC)))
        request = TurnRequest(
            plan=self._plan,
            reply=wish.reply,
            transcript=wish.transcript,
            confidence=wish.confidence,
            history=history,
            whispers=told,
            turn=wish.turn,
            digits=wish.digits,
            is_early=wish.is_early,
        )
        self._askings = {reply: asking for reply, asking in self._askings.items() if asking.tasks}
        self._askings[wish.reply] = _Asking(request)
        self._start(wish.reply)

    def _moment(self, at_s: float) -> datetime:
        return self._began + timedelta(seconds=at_s)

    def warm(self) -> None:
        """The caller begins to speak, so somebody will be asked soon: open what can be opened meanwhile."""
        if not self.open_askings:
            self._tasks.create_task(self._responder.warm(self._plan))

    @property
    def open_askings(self) -> int:
        """How many replies are being asked for; one that failed is only kept to be asked for again."""
        return sum(bool(asking.tasks) for asking in self._askings.values())

    def retry(self, reply: int) -> None:
        if reply in self._askings:
            self._start(reply)

    def confirm(self, reply: int) -> None:
        """The turn that this reply was asked for early is over, with the very words it was asked with."""
        asking = self._askings.get(reply)
        if asking is not None:
            asking.request = msgspec.structs.replace(asking.request, is_early=False)

    def cancel(self, reply: int) -> None:
        asking = self._askings.pop(reply, None)
        if asking is not None:
            for task in asking.tasks:
                task.cancel()

    def cancel_all(self) -> None:
        for reply in list(self._askings):
            self.cancel(reply)

    def _start(self, reply: int) -> None:
        asking = self._askings[reply]
        task = self._tasks.create_task(self._run(reply, asking))
        asking.tasks.add(task)

    async def _run(self, reply: int, asking: _Asking) -> None:
        me = asyncio.current_task()
        assert me is not None
        try:
            async with aclosing(self._responder.respond(asking.request)) as parts:
                async for part in parts:
                    if not self._wins(reply, asking, me):
                        return
                    self._emit(self._fact(reply, part))
        except ParleyError as error:
            asking.tasks.discard(me)
            if self._askings.get(reply) is asking and (asking.winner is me or not asking.tasks):
                asking.winner = None
                log.warning("reply_failed", call_id=self._plan.call_id, reply=reply, code=error.code)
                silent = self._plan.agent.voice_mode == "webhook"
                self._emit(ReplyFailed(reply, reason=getattr(error, "reason", error.code), silent=silent))
            return
        if self._wins(reply, asking, me):
            self._askings.pop(reply, None)
            self._emit(ReplyDone(reply))

    def _wins(self, reply: int, asking: _Asking, me: asyncio.Task[None]) -> bool:
        """Whether this task is the one that is used; the first to ask becomes it, and the others end."""
        if self._askings.get(reply) is not asking:
            return False
        if asking.winner is None:
            asking.winner = me
            for other in asking.tasks - {me}:
                other.cancel()
            asking.tasks = {me}
        return asking.winner is me

    def _fact(self, reply: int, part: ReplyPart) -> AnyFact:
        if isinstance(part, TextPart):
            # A customer's chunk is spoken as it is; a model's may end inside a word.
            return ReplyText(reply, part.text, is_whole=self._plan.agent.voice_mode == "webhook")
        if isinstance(part, DigitsPart):
            return ReplyDigits(reply, part.digits)
        if isinstance(part, HangupPart):
            return ReplyHangup(reply)
        return ReplyTransfer(reply)
