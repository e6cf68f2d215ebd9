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
    ReplyRefused,
    ReplySilent,
    ReplyText,
    ReplyTransfer,
    TransferReturned,
)
from parley.conversation.ledger import Spoken
from parley.conversation.steering import MOST_WHISPERS, Whisper
from parley.conversation.wishes import AskReply, CancelReply
from parley.domain.calls import CallPlan
from parley.domain.errors import ParleyError
from parley.domain.transfers import ReturnedTransfer, Told
from parley.providers.protocols import (
    DigitsPart,
    HangupPart,
    HistoryLine,
    Instruction,
    ReplyPart,
    Responder,
    SilencePart,
    TextPart,
    TransferPart,
    TurnRequest,
)

log = structlog.get_logger()

_MOST_ANSWERED = 4


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
        returned: Callable[[], TransferReturned | None] = lambda: None,
    ) -> None:
        self._plan = plan
        self._responder = responder
        self._tasks = tasks
        self._emit = emit
        self._history = history
        self._whispers = whispers
        self._returned = returned
        self._askings: dict[int, _Asking] = {}
        self._answered: dict[int, TurnRequest] = {}  # the last few, if whoever answers wants to hear what came of it
        self._began = datetime.now(UTC)

    def ask(self, wish: AskReply) -> None:
        said = [one for one in self._history() if not (wish.is_early and one.row == wish.turn)]
        lines = [HistoryLine(one.role, one.text, self._moment(one.at_s)) for one in said]
        earlier = self._plan.continues.lines if self._plan.continues is not None else ()
        history = (*(HistoryLine(one.role, one.text, one.at) for one in earlier), *lines)
        if wish.is_early:  # the conversation does not know these words yet, or only the first of them
            history = (*history, HistoryLine("caller", wish.transcript, datetime.now(UTC)))
        request = TurnRequest(
            plan=self._plan,
            reply=wish.reply,
            transcript=wish.transcript,
            confidence=wish.confidence,
            history=history,
            whispers=tuple(Instruction(one.text, one.at) for one in self.told()),
            transfer=self._transfer(),
            turn=wish.turn,
            digits=wish.digits,
            is_early=wish.is_early,
        )
        self._askings = {reply: asking for reply, asking in self._askings.items() if asking.tasks}
        self._askings[wish.reply] = _Asking(request)
        self._start(wish.reply)

    def told(self) -> tuple[Told, ...]:
        """What the agent was told behind the caller's back, the newest of the whole call."""
        before = self._plan.continues.whispers if self._plan.continues is not None else ()
        here = (Told(one.text, self._moment(one.at_s)) for one in self._whispers())
        return (*before, *here)[-MOST_WHISPERS:]

    def _transfer(self) -> ReturnedTransfer | None:
        """What came of the last transfer, in this session or before it."""
        fact, before = self._returned(), self._plan.continues
        if fact is not None:
            return ReturnedTransfer(fact.to, fact.outcome)
        return before.transfer if before is not None else None

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
        if (asking := self._askings.get(reply)) is not None:
            asking.request = msgspec.structs.replace(asking.request, is_early=False)
        if (answered := self._answered.get(reply)) is not None:
            self._answered[reply] = msgspec.structs.replace(answered, is_early=False)

    def cancel(self, wish: CancelReply) -> None:
        """Stop asking, and tell whoever wants to know that nobody hears the answer, or the rest of it."""
        asking = self._askings.get(wish.reply)
        request = self._answered.pop(wish.reply, None) if asking is None else asking.request
        self._stop(wish.reply)
        if request is not None and self._is_told:
            self._tasks.create_task(self._responder.withdraw(request, wish.reason, wish.heard))

    def cancel_all(self) -> None:
        """The call is over: stop asking. The end itself is told elsewhere."""
        for reply in list(self._askings):
            self._stop(reply)

    def _stop(self, reply: int) -> None:
        asking = self._askings.pop(reply, None)
        if asking is not None:
            for task in asking.tasks:
                task.cancel()

    @property
    def _is_told(self) -> bool:
        target = self._plan.webhook
        return target is not None and target.speculative

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
            if self._is_told:
                newest = sorted(self._answered)[-_MOST_ANSWERED + 1 :]
                self._answered = {number: self._answered[number] for number in newest} | {reply: asking.request}
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
            is_whole = self._plan.agent.voice_mode == "webhook"
            return ReplyText(reply, part.text, is_whole=is_whole, is_protected=part.is_protected)
        if isinstance(part, DigitsPart):
            return ReplyDigits(reply, part.digits)
        if isinstance(part, HangupPart):
            return ReplyHangup(reply)
        if isinstance(part, TransferPart):
            return ReplyTransfer(reply)
        if isinstance(part, SilencePart):
            return ReplySilent(reply)
        return ReplyRefused(reply, part.code)
