"""Whose a phone number is when two projects name it.

Anybody may register any number; only a carrier account that owns it proves a claim, and then the number is connected.
A claim that nothing proves stands until somebody proves theirs.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from parley.domain.errors import Conflict
from parley.storage import numbers
from parley.storage.tables import NumberRow

_TAKEN = "This number is registered on this server by another project; a number belongs to one project only."
_UNPROVEN = (
    "Another project registered this number on this server first. Register it through the carrier account that owns"
    " it, and it becomes yours."
)


class Overtaken(Conflict):
    """Somebody else registered or released the number meanwhile; whoever looks again sees what holds now."""


def give_up(row: NumberRow, now: datetime) -> None:
    """The number is no longer in use here, and nobody answers it. Its row stays, for its calls."""
    row.status, row.released_at, row.is_connected = "released", now, False
    row.agent_id = row.attached_at = None


def taken() -> Overtaken:
    """What a project is told whose row the database refused."""
    return Overtaken(_TAKEN)


def require_unclaimed(known: NumberRow | None, project_id: str) -> None:
    """Raises Conflict where another project claims the number, and this one's claim is not proven."""
    if known is not None and known.project_id != project_id:
        raise Conflict(_TAKEN if known.is_connected else _UNPROVEN)


async def displace(session: AsyncSession, proven: NumberRow, now: datetime) -> NumberRow | None:
    """Release another project's unproven claim to the number of this proven one, which is not in the session yet.

    Locks the number's row, so the agent of `proven` has to be held before. Returns what was released. A claim that is
    proven or the project's own stays, and the database then refuses the second active row.
    """
    other = await numbers.active_by_phone(session, proven.phone_number, lock=True)
    if other is None or other.is_connected or other.project_id == proven.project_id:
        return None
    give_up(other, now)
    await session.flush()  # before the new row: of one flush, what is added is written before what is changed
    return other
