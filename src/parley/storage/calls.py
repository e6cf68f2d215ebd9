"""Queries about calls, their transcripts and their stream tokens."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, delete, func, literal, literal_column, or_, select, update
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by, insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload, selectinload
from sqlalchemy.orm.attributes import set_committed_value

from parley.domain.calls import ENDED
from parley.domain.errors import NotFound
from parley.domain.ids import is_possible
from parley.storage.lookup import find, page
from parley.storage.tables import CallRow, ProblemRow, StreamTokenRow, TranscriptRow

_MOST_PROBLEMS = 100


async def get(session: AsyncSession, project_id: str, call_id: str) -> CallRow:
    """With `transcripts` and `analysis` loaded, read anew."""
    statement = select(CallRow).where(CallRow.project_id == project_id, CallRow.id == call_id)
    beside = selectinload(CallRow.transcripts), joinedload(CallRow.analysis)
    statement = statement.options(*beside).execution_options(populate_existing=True)
    return await find(session, statement, "call", call_id)


async def get_known(session: AsyncSession, call_id: str, *, lock: bool = False) -> CallRow:
    """By the id alone, for those who were given it by this server: live sessions and the carrier. Raises NotFound.

    A locked row is as it is now, whatever the session read before.
    """
    return await _known(session, select(CallRow).where(CallRow.id == call_id), call_id, lock=lock)


async def get_by_carrier_id(session: AsyncSession, project_id: str, carrier: str, carrier_call_id: str) -> CallRow:
    """Raises NotFound."""
    statement = select(CallRow).where(
        CallRow.project_id == project_id, CallRow.carrier == carrier, CallRow.carrier_call_id == carrier_call_id
    )
    return await _known(session, statement, carrier_call_id, lock=False)


async def find_by_carrier_id(
    session: AsyncSession, project_id: str, carrier: str, carrier_call_id: str
) -> CallRow | None:
    """The same, or None."""
    try:
        return await get_by_carrier_id(session, project_id, carrier, carrier_call_id)
    except NotFound:
        return None


async def _known(session: AsyncSession, statement: Select[CallRow], name: str, *, lock: bool) -> CallRow:
    locked = statement.with_for_update().execution_options(populate_existing=True)
    row = await session.scalar(locked if lock else statement) if is_possible(name) else None
    if row is None:
        raise NotFound("This server knows no such call.")
    return row


async def insert_once(session: AsyncSession, values: dict[str, Any]) -> CallRow:
    """Record a carrier's call; one that is recorded already stays as it is, and is what comes back."""
    await session.execute(insert(CallRow).values(values).on_conflict_do_nothing())
    return await get_by_carrier_id(session, values["project_id"], values["carrier"], values["carrier_call_id"])


async def name_at_carrier(session: AsyncSession, call_id: str, carrier_call_id: str) -> None:
    """Note the carrier's id for a call that has none yet."""
    nameless = update(CallRow).where(CallRow.id == call_id, CallRow.carrier_call_id.is_(None))
    await session.execute(nameless.values(carrier_call_id=carrier_call_id))


async def list_page(
    session: AsyncSession,
    conditions: dict[str, Any],
    statuses: Sequence[str] | None,
    search: str,
    limit: int,
    offset: int,
) -> tuple[list[CallRow], int]:
    """Newest first. `conditions` must name the project; `search` looks into both numbers; no statuses find nothing."""
    statement = select(CallRow).where(CallRow.project_id == conditions["project_id"]).filter_by(**conditions)
    if statuses is not None:
        statement = statement.where(CallRow.status.in_(statuses))
    if search:
        inside = [column.contains(search, autoescape=True) for column in (CallRow.from_number, CallRow.to_number)]
        statement = statement.where(or_(*inside))
    return await page(session, statement.order_by(CallRow.created_at.desc(), CallRow.id.desc()), limit, offset)


def with_no_transcript(call: CallRow) -> CallRow:
    """A call that has just begun, as `get` shows it, without asking the database."""
    set_committed_value(call, "transcripts", [])
    return call


async def from_phone(
    session: AsyncSession, project_id: str, phone_number: str, since: datetime, *, but: str
) -> list[CallRow]:
    """What came in from this phone since the moment, the latest 20; not the call with the id `but`."""
    mine = (CallRow.project_id == project_id, CallRow.direction == "inbound", CallRow.from_number == phone_number)
    statement = select(CallRow).where(*mine, CallRow.created_at > since, CallRow.id != but)
    return list(await session.scalars(statement.order_by(CallRow.created_at.desc()).limit(20)))


async def mark_held(session: AsyncSession, call_ids: Sequence[str], now: datetime) -> None:
    """Somebody holds these calls at this moment."""
    await session.execute(update(CallRow).where(CallRow.id.in_(call_ids)).values(held_at=now))


async def unheld_since(
    session: AsyncSession, moment: datetime, rung_before: datetime, forwarded_before: datetime
) -> list[str]:
    """Calls that never ended and that nobody has held since the moment, at most 1,000 of them, oldest first.

    One that the carrier forwarded to a human is held by nobody, and counts if it was before `forwarded_before`; before
    `rung_before` where the human is not known to have answered.
    """
    last_seen = func.coalesce(CallRow.held_at, CallRow.created_at)
    is_forwarded = (CallRow.stage["type"].astext == "forwarding") & CallRow.is_handed_on.is_(False)
    is_ringing = CallRow.stage["is_answered"].astext.is_distinct_from("true") & (last_seen < rung_before)
    is_lost = (last_seen < forwarded_before) | is_ringing | is_forwarded.is_not(True)
    statement = select(CallRow.id).where(CallRow.status.not_in(ENDED), last_seen < moment, is_lost)
    return list(await session.scalars(statement.order_by(CallRow.created_at).limit(1000)))


async def add_problem(session: AsyncSession, call_id: str, code: str, problem_id: str, at: datetime) -> None:
    """Append to the call's problems, of which a bounded number is kept, and note the moment."""
    room = func.jsonb_array_length(CallRow.problems) < _MOST_PROBLEMS
    longer = CallRow.problems.op("||")(func.to_jsonb(code, type_=JSONB))
    change = update(CallRow).where(CallRow.id == call_id, room).values(problems=longer)
    kept = (await session.execute(change.returning(CallRow.project_id, CallRow.agent_id))).one_or_none()
    if kept is not None:
        row = ProblemRow(
            id=problem_id, project_id=kept.project_id, call_id=call_id, agent_id=kept.agent_id, code=code, at=at
        )
        session.add(row)


async def put_talk(session: AsyncSession, call_id: str, key: str, talk: dict[str, Any]) -> None:
    """Keep what one session of the call measured, beside what others did; written again under its key it replaces."""
    held = func.coalesce(CallRow.talk, literal({}, type_=JSONB))
    both = held.op("||")(literal({key: talk}, type_=JSONB))
    await session.execute(update(CallRow).where(CallRow.id == call_id).values(talk=both))


# ---------------------------------------------------------------- transcripts


async def put_transcript(session: AsyncSession, values: dict[str, Any]) -> None:
    """Write a row, or replace what was noted under the same number before; its id and first moment stay."""
    written = insert(TranscriptRow).values(values)
    kept = {"id", "project_id", "call_id", "row", "created_at"}
    replaced = {name: written.excluded[name] for name in values if name not in kept}
    await session.execute(
        written.on_conflict_do_update(index_elements=[TranscriptRow.call_id, TranscriptRow.row], set_=replaced)
    )


async def transcript(session: AsyncSession, call_id: str) -> list[TranscriptRow]:
    """In the order it was said."""
    statement = select(TranscriptRow).where(TranscriptRow.call_id == call_id)
    return list(await session.scalars(statement.order_by(TranscriptRow.at_s, TranscriptRow.row)))


async def marks(session: AsyncSession, call_ids: Sequence[str]) -> dict[str, str]:
    """For each call there is, a word that changes with its status and with every row of its transcript.

    Postgres keeps in `xmin` which transaction wrote a row last (its manual, 5.6, "System Columns").
    """
    versions = func.string_agg(
        literal_column("transcripts.xmin::text"), aggregate_order_by(literal(","), TranscriptRow.row)
    )
    rows = select(versions).where(TranscriptRow.call_id == CallRow.id).scalar_subquery()
    statement = select(CallRow.id, CallRow.status, rows).where(CallRow.id.in_(call_ids))
    return {call_id: f"{status}:{written}" for call_id, status, written in await session.execute(statement)}


async def put_snippet(session: AsyncSession, call_id: str, snippet: str) -> None:
    """The latest words, as the calls list shows them."""
    await session.execute(update(CallRow).where(CallRow.id == call_id).values(last_transcript_snippet=snippet))


# ---------------------------------------------------------------- stream tokens


async def add_token(
    session: AsyncSession, call_id: str, token_hash: bytes, now: datetime, expires_at: datetime
) -> None:
    """The call's expired tokens go at the same time."""
    expired = delete(StreamTokenRow).where(StreamTokenRow.call_id == call_id, StreamTokenRow.expires_at < now)
    await session.execute(expired)
    session.add(StreamTokenRow(token_hash=token_hash, call_id=call_id, expires_at=expires_at))


async def use_token(session: AsyncSession, token_hash: bytes, now: datetime) -> str | None:
    """The call the token opens, once: of any number of simultaneous attempts one gets it, the others None."""
    fresh = update(StreamTokenRow).where(
        StreamTokenRow.token_hash == token_hash, StreamTokenRow.used_at.is_(None), StreamTokenRow.expires_at > now
    )
    result = await session.execute(fresh.values(used_at=now).returning(StreamTokenRow.call_id))
    return result.scalar_one_or_none()


async def came_in_since(session: AsyncSession, call_id: str, moment: datetime) -> bool:
    """Whether one of the call's tokens was used after the moment."""
    used = select(StreamTokenRow.token_hash).where(StreamTokenRow.call_id == call_id, StreamTokenRow.used_at > moment)
    return bool(await session.scalar(select(used.exists())))
