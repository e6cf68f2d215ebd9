"""An outbound text's first row: from which number, to whom, through which account."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple, NoReturn

from sqlalchemy.ext.asyncio import AsyncSession

from parley.domain.carriers import CarrierAccount
from parley.domain.errors import BadInput, Conflict, FieldError, Forbidden
from parley.domain.ids import new_id
from parley.domain.messages import preview, require_content
from parley.domain.phone_numbers import normalise, require_dialable
from parley.providers.protocols import Carrier
from parley.schemas.messages import MessageSend
from parley.services.accounts import CarrierAccounts
from parley.services.defaults import Clock
from parley.storage import agents, conversations, messages, numbers
from parley.storage.tables import ConversationRow, MessageRow, NumberRow

OPTED_OUT_SENTENCE = (
    "This recipient has told the carrier to stop texts from this number."
    " They can have them again by texting START to it."
)


class Draft(NamedTuple):
    """A queued message, and the account it is to be sent with."""

    message: MessageRow
    account: CarrierAccount


class MessageDrafts:
    """Everything happens in the caller's transaction."""

    def __init__(self, accounts: CarrierAccounts, carriers: Mapping[str, Carrier], clock: Clock) -> None:
        self._accounts = accounts
        self._carriers = carriers
        self._clock = clock

    async def outbound(self, session: AsyncSession, project_id: str, wanted: MessageSend) -> Draft:
        """Raises BadInput (no sender, no recipient, nothing to say), NotFound, Conflict; Forbidden for a recipient who
        opted out."""
        body, media_urls = wanted.body or "", _media(wanted)
        require_content(body, len(media_urls))
        to_number = _recipient(wanted)
        number, agent_id = await self._sender(session, project_id, wanted)
        if number.provider not in self._carriers:
            raise BadInput(
                f"parley cannot send texts through `{number.provider}`; send from a number at another carrier."
            )
        account, credential_id = await self._accounts.of_number(session, number)
        now, agent_id = self._clock(), await agents.hold(session, project_id, agent_id)
        conversation = await conversations.get_or_add(session, number, to_number, new_id("conv"), now)
        if conversation.opted_out_at is not None:
            raise Forbidden(OPTED_OUT_SENTENCE)
        values = {
            "id": new_id("msg"),
            "project_id": project_id,
            "conversation_id": conversation.id,
            "number_id": number.id,
            "agent_id": agent_id,
            "direction": "outbound",
            "from_number": number.phone_number,
            "to_number": to_number,
            "body": body,
            "media_urls": media_urls,
            "status": "queued",
            "carrier": number.provider,
            "credential_id": credential_id,
            "created_at": next_moment(conversation, now),
        }
        row = await messages.insert_once(session, values)
        assert row is not None, "its carrier has not named it yet"
        add_to(conversation, row)
        return Draft(row, account)

    async def _sender(
        self, session: AsyncSession, project_id: str, wanted: MessageSend
    ) -> tuple[NumberRow, str | None]:
        """The number that was named, else the agent's first; and whose message it is."""
        agent = await agents.get(session, project_id, wanted.agent_id) if wanted.agent_id is not None else None
        if wanted.number_id is not None or wanted.from_number is not None:
            number = await self._named(session, project_id, wanted)
            return number, agent.id if agent is not None else number.agent_id
        if agent is None:
            _refuse("agentId", "is required, unless you say with `numberId` or `fromNumber` which number sends")
        if not agent.numbers:
            raise BadInput("The agent has no phone number to send from; attach one to it or send `numberId`.")
        return agent.numbers[0], agent.id

    async def _named(self, session: AsyncSession, project_id: str, wanted: MessageSend) -> NumberRow:
        if wanted.number_id is not None:
            number = await numbers.get(session, project_id, wanted.number_id)
            if number.status != "active":
                raise BadInput("`numberId` names a number that was released; send from an active one.")
            if wanted.from_number is not None and normalise(wanted.from_number, "fromNumber") != number.phone_number:
                raise BadInput("`numberId` and `fromNumber` name different numbers; send one of the two.")
            return number
        found = await numbers.active_by_phone(session, normalise(wanted.from_number or "", "fromNumber"))
        if found is None:
            raise BadInput("`fromNumber` is not registered here; import it first, so that answers to it come in.")
        if found.project_id != project_id:
            raise Conflict("`fromNumber` belongs to another project; send from a number of your own.")
        return found


def next_moment(conversation: ConversationRow, now: datetime) -> datetime:
    """When the next message of a locked conversation happened: behind its last one, whatever two clocks say."""
    if not conversation.message_count:
        return now
    return max(now, conversation.last_message_at + timedelta(microseconds=1))


def add_to(conversation: ConversationRow, message: MessageRow) -> None:
    """Let a locked conversation know of its newest message."""
    conversation.message_count += 1
    conversation.last_message_at = message.created_at
    conversation.last_message_preview = preview(message.body, len(message.media_urls))
    conversation.agent_id = message.agent_id


def _recipient(wanted: MessageSend) -> str:
    named = [wanted.to_number] if wanted.to_number is not None else []
    field = "toNumber" if named or not wanted.recipients else "recipients"
    people = {normalise(each, field) for each in [*named, *(wanted.recipients or [])]}
    if not people:
        _refuse("toNumber", "is required: the number that should get the text")
    if len(people) > 1:
        _refuse("recipients", "is another way to write `toNumber`; send one of the two")
    return require_dialable(people.pop(), field)


def _media(wanted: MessageSend) -> list[str]:
    urls = [*([wanted.media_url] if wanted.media_url is not None else []), *(wanted.media_urls or [])]
    return list(dict.fromkeys(urls))


def _refuse(field: str, sentence: str) -> NoReturn:
    raise BadInput(f"`{field}` {sentence}.", [FieldError(field, sentence)])
