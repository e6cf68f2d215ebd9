"""Queries about the messages callers left. Only a stored one is anybody's business."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Select, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from parley.domain.errors import NotFound
from parley.domain.ids import is_possible
from parley.storage.lookup import Slice, find, page, page_after
from parley.storage.tables import VoicemailRow

RECORDING: Final = "recording"
STORED: Final = "stored"
EMPTY: Final = "empty"


async def insert_once(session: AsyncSession, values: dict[str, Any]) -> VoicemailRow:
    """Open a call's message; a call has one, and the one it has already is what comes back."""
    written = insert(VoicemailRow).values(values)
    await session.execute(written.on_conflict_do_nothing(index_elements=[VoicemailRow.call_id]))
    opened: VoicemailRow = (
        await session.scalars(select(VoicemailRow).where(VoicemailRow.call_id == values["call_id"]))
    ).one()
    return opened


async def get(session: AsyncSession, project_id: str, voicemail_id: str, *, lock: bool = False) -> VoicemailRow:
    """A stored message. Raises NotFound."""
    statement = _stored(project_id).where(VoicemailRow.id == voicemail_id)
    return await find(session, _locked(statement) if lock else statement, "voicemail", voicemail_id)


async def get_known(session: AsyncSession, voicemail_id: str, *, lock: bool = False) -> VoicemailRow:
    """By the id alone, in any status, for those who were given it by this server. Raises NotFound."""
    statement = select(VoicemailRow).where(VoicemailRow.id == voicemail_id)
    possible = is_possible(voicemail_id)
    row = await session.scalar(_locked(statement) if lock else statement) if possible else None
    if row is None:
        raise NotFound("This server knows no such voicemail.")
    return row


async def id_of_call(session: AsyncSession, call_id: str) -> str | None:
    """The stored message of a call, if its caller left one."""
    found: str | None = await session.scalar(
        select(VoicemailRow.id).where(VoicemailRow.call_id == call_id, VoicemailRow.status == STORED)
    )
    return found


async def list_page(
    session: AsyncSession, project_id: str, conditions: Mapping[str, str], unheard: bool | None, limit: int, offset: int
) -> tuple[list[VoicemailRow], int]:
    """Newest first. `conditions` are values of columns; `unheard` None is any, and nobody has to hear a test."""
    statement = _matching(project_id, conditions, unheard)
    newest_first = statement.order_by(VoicemailRow.created_at.desc(), VoicemailRow.id.desc())
    return await page(session, newest_first, limit, offset)


async def list_after(
    session: AsyncSession,
    project_id: str,
    conditions: Mapping[str, str],
    unheard: bool | None,
    after_id: str | None,
    limit: int,
) -> Slice[VoicemailRow]:
    """The same by cursor."""
    statement = _matching(project_id, conditions, unheard)
    return await page_after(session, statement, VoicemailRow.id, after_id, limit)


async def close_empty(session: AsyncSession, voicemail_id: str) -> None:
    """Nothing was said; of a message that is stored, or gone, nothing changes."""
    waiting = update(VoicemailRow).where(VoicemailRow.id == voicemail_id, VoicemailRow.status == RECORDING)
    await session.execute(waiting.values(status=EMPTY))


async def remove(session: AsyncSession, project_id: str, voicemail_id: str) -> None:
    gone = delete(VoicemailRow).where(VoicemailRow.project_id == project_id, VoicemailRow.id == voicemail_id)
    await session.execute(gone)


def _stored(project_id: str) -> Select[VoicemailRow]:
    return select(VoicemailRow).where(VoicemailRow.project_id == project_id, VoicemailRow.status == STORED)


def _matching(project_id: str, conditions: Mapping[str, str], unheard: bool | None) -> Select[VoicemailRow]:
    statement = _stored(project_id).filter_by(**conditions)
    if unheard is None:
        return statement
    if not unheard:
        return statement.where(VoicemailRow.heard_at.is_not(None))
    return statement.where(VoicemailRow.heard_at.is_(None), VoicemailRow.is_test.is_(False))


def _locked(statement: Select[VoicemailRow]) -> Select[VoicemailRow]:
    """As it is now, whatever the session read before."""
    return statement.with_for_update().execution_options(populate_existing=True)
