"""Reading a list by cursor over a real database."""

from __future__ import annotations

from sqlalchemy import select

from parley.domain.ids import new_id
from parley.storage.database import Database
from parley.storage.lookup import Slice, page_after
from parley.storage.tables import DiagnosticRow, ProjectRow


async def fill(database: Database, project_id: str, count: int) -> list[str]:
    """The ids, oldest first."""
    ids = [new_id("diag") for _ in range(count)]
    async with database.transaction() as session:
        session.add(ProjectRow(id=project_id, name=project_id))
        await session.flush()
        session.add_all(DiagnosticRow(id=each, project_id=project_id, kind="x", request={}, result={}) for each in ids)
    return ids


async def read(database: Database, project_id: str, after_id: str | None, limit: int) -> Slice[DiagnosticRow]:
    statement = select(DiagnosticRow).where(DiagnosticRow.project_id == project_id)
    async with database.read() as session:
        return await page_after(session, statement, DiagnosticRow.id, after_id, limit)


async def test_pages_go_from_the_newest_to_the_oldest(database: Database) -> None:
    ids = await fill(database, "proj_1", 5)
    seen: list[list[str]] = []
    after_id: str | None = None
    while True:
        rows, total, after_id = await read(database, "proj_1", after_id, 2)
        seen.append([row.id for row in rows])
        assert total == 5
        if after_id is None:
            break
    assert seen == [[ids[4], ids[3]], [ids[2], ids[1]], [ids[0]]]


async def test_a_full_last_page_has_no_next(database: Database) -> None:
    await fill(database, "proj_1", 4)
    first = await read(database, "proj_1", None, 2)
    second = await read(database, "proj_1", first.next_id, 2)
    assert (first.next_id, second.next_id) == (first.rows[1].id, None)


async def test_the_row_at_the_cursor_may_be_gone_and_newer_ones_may_come(database: Database) -> None:
    ids = await fill(database, "proj_1", 4)
    first = await read(database, "proj_1", None, 2)
    async with database.transaction() as session:
        await session.delete(await session.get_one(DiagnosticRow, ids[2]))
        session.add(DiagnosticRow(id=new_id("diag"), project_id="proj_1", kind="x", request={}, result={}))
    second = await read(database, "proj_1", first.next_id, 2)
    assert [row.id for row in second.rows] == [ids[1], ids[0]]


async def test_another_projects_rows_are_not_counted(database: Database) -> None:
    mine = await fill(database, "proj_1", 1)
    await fill(database, "proj_2", 3)
    rows, total, next_id = await read(database, "proj_1", None, 20)
    assert ([row.id for row in rows], total, next_id) == (mine, 1, None)
    assert await read(database, "proj_3", mine[0], 20) == ([], 0, None)
