"""Moving a call to where it goes next: to an agent, to a place in a queue, to a message, an announcement, a human."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from parley.domain.agents import AgentSnapshot
from parley.domain.decisions import Decision
from parley.domain.queueing import QueueSettings
from parley.domain.stages import Announcing, Forwarding, Stage, TakingMessage, Waiting
from parley.domain.transfers import Told
from parley.services import transfers
from parley.services.plans import Plans, stage_of
from parley.storage.tables import AgentRow, CallRow


class Voicemails(Protocol):
    """Where messages are kept."""

    async def ask(self, session: AsyncSession, call: CallRow, *, reason: str, greeting: str = "") -> TakingMessage:
        """Begin the message of this call, in the caller's transaction; asking again gives the same.

        `reason` is why nobody answers. `greeting` is what the caller is asked with; where empty, the usual words.
        """
        ...


class Stages:
    """Everything happens in the caller's transaction, which holds the call.

    A caller who is on the line already is handed on: their stream is closed, and the carrier asks what comes next.
    """

    def __init__(self, plans: Plans, voicemails: Voicemails) -> None:
        self._plans = plans
        self._voicemails = voicemails

    async def converse(self, session: AsyncSession, call: CallRow, agent: AgentRow) -> None:
        """The agent as it is now takes the call."""
        call.agent_id = agent.id
        call.snapshot = msgspec.to_builtins(await self._plans.snapshot(session, agent))
        _hand_on(call, None)

    def wait(self, call: CallRow, entry_id: str, settings: QueueSettings) -> None:
        """The caller hears music; `entry_id` names their place."""
        _hand_on(
            call,
            Waiting(
                entry_id=entry_id,
                music=settings.music,
                announces_position=settings.announces_position,
                announces_wait=settings.announces_wait,
                offers_callback=settings.offers_callback,
            ),
        )

    async def take_message(
        self, session: AsyncSession, call: CallRow, reason: str, greeting: str = "", *, has_failed: bool = False
    ) -> None:
        """The caller is asked for a message; in the voice of the house where the agent's own may be what failed."""
        if has_failed:
            agent = msgspec.convert(call.snapshot, AgentSnapshot)
            call.snapshot = msgspec.to_builtins(self._plans.in_house_voice(agent))
        await session.flush()
        _hand_on(call, await self._voicemails.ask(session, call, reason=reason, greeting=greeting))

    async def fall_back(
        self, session: AsyncSession, call: CallRow, decision: Decision, reason: str, *, has_failed: bool = False
    ) -> bool:
        """What was decided for the call cannot be carried out. False: the call is to be ended."""
        if decision.fallback == "voicemail":
            await self.take_message(session, call, reason, has_failed=has_failed)
            return True
        return False

    async def lend_voice(self, session: AsyncSession, call: CallRow, agent: AgentRow | None, *, is_its: bool) -> None:
        """Until somebody takes the call, it is heard and spoken as the agent would; `is_its` says it is the agent's."""
        if agent is None:
            return
        lent = await self._plans.snapshot(session, agent)
        if is_its:
            call.agent_id = agent.id
        else:
            lent = msgspec.structs.replace(lent, id="", name="")
        call.snapshot = msgspec.to_builtins(lent)

    def announce(self, call: CallRow, text: str) -> None:
        """The caller hears `text`, and then the call ends."""
        _hand_on(call, Announcing(text))

    def forward(self, call: CallRow, phone_number: str, at: datetime) -> None:
        """The carrier rings a human."""
        transfers.begin(call, phone_number, at)
        _hand_on(call, Forwarding(phone_number))

    def transfer(self, call: CallRow, phone_number: str, at: datetime, whispers: Sequence[Told]) -> None:
        """The same for a caller whom the agent hands over, and has again where nobody answers."""
        transfers.begin(call, phone_number, at, whispers)
        _hand_on(call, Forwarding(phone_number, returns_to_agent=True))

    def give_back(self, call: CallRow) -> None:
        """The agent goes on with the caller, as it was."""
        _hand_on(call, None)

    def again(self, call: CallRow) -> None:
        """The same stage, on another stream."""
        call.is_handed_on = True


def was_with_agent(call: CallRow) -> bool:
    """Whether its caller reached an agent, which may have handed them to a human since."""
    stage = stage_of(call)
    return stage is None or (isinstance(stage, Forwarding) and stage.returns_to_agent)


def _hand_on(call: CallRow, stage: Stage | None) -> None:
    """A call that only rings has had no stage yet; one that has may be on a stream before that is written."""
    call.is_handed_on = call.started_at is not None or call.stage is not None
    call.stage = None if stage is None else msgspec.to_builtins(stage)
