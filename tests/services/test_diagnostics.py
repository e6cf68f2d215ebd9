"""What tests of networks say, and what they leave open."""

from __future__ import annotations

import pytest

from parley.domain.endpoints import Reach
from parley.domain.errors import BadInput, NotFound, TargetBlocked
from parley.schemas.diagnostics import NetworkTestCreate
from parley.services.diagnostics import NETWORK, Diagnostics
from parley.storage.tables import DiagnosticRow
from tests.services.world import World


class StillProbe:
    """Answers with what it was given, and notes what it was asked."""

    def __init__(self) -> None:
        self.answer = Reach(addresses=("192.0.2.7",), resolved_ms=3, connected_to="192.0.2.7", connected_ms=5)
        self.refusal: TargetBlocked | None = None
        self.asked: list[tuple[str, int]] = []

    async def reach(self, host: str, port: int) -> Reach:
        self.asked.append((host, port))
        if self.refusal is not None:
            raise self.refusal
        return self.answer


@pytest.fixture
def probe() -> StillProbe:
    return StillProbe()


@pytest.fixture
def checks(world: World, probe: StillProbe) -> Diagnostics:
    return Diagnostics(world.database, probe, world.clock)


def verdicts(row: DiagnosticRow) -> dict[str, str]:
    return {check["name"]: check["status"] for check in row.result["checks"]}


# ---------------------------------------------------------------- networks


async def test_a_server_that_answers_passes(mine: str, checks: Diagnostics, probe: StillProbe) -> None:
    row = await checks.test_network(mine, NetworkTestCreate(target_endpoint="sips:sip.example.com"))

    assert probe.asked == [("sip.example.com", 5061)]
    assert (row.result["status"], row.result["connected_to"], row.result["port"]) == ("passed", "192.0.2.7", 5061)
    assert verdicts(row) == {"dns": "passed", "tcp": "passed", "udp": "not_tested"}


@pytest.mark.parametrize(
    ("failure", "dns", "tcp"),
    [
        ("unresolved", "failed", "not_tested"),
        ("name_server_timeout", "failed", "not_tested"),
        ("refused", "passed", "failed"),
        ("timeout", "passed", "failed"),
        ("unreachable", "passed", "failed"),
    ],
)
async def test_a_server_that_does_not_is_a_result(
    mine: str, checks: Diagnostics, probe: StillProbe, failure: str, dns: str, tcp: str
) -> None:
    probe.answer = Reach(failure=failure)  # type: ignore[arg-type]  # one of its words

    row = await checks.test_network(mine, NetworkTestCreate(target_endpoint="sip.example.com"))

    assert row.result["status"] == "failed"
    assert verdicts(row) == {"dns": dns, "tcp": tcp, "udp": "not_tested"}


async def test_a_target_that_must_not_be_called_is_refused_and_not_kept(
    world: World, mine: str, checks: Diagnostics, probe: StillProbe
) -> None:
    probe.refusal = TargetBlocked("The URL leads to a private or reserved address.")

    with pytest.raises(BadInput) as refused:
        await checks.test_network(mine, NetworkTestCreate(target_endpoint="10.0.0.1"))

    assert [field for field, _ in refused.value.errors] == ["targetEndpoint"]


# ---------------------------------------------------------------- kept


async def test_a_test_is_read_again_by_its_project_and_kind_alone(mine: str, theirs: str, checks: Diagnostics) -> None:
    row = await checks.test_network(mine, NetworkTestCreate(target_endpoint="sip.example.com"))

    assert (await checks.get(mine, NETWORK, row.id)).result == row.result
    for project, kind in ((theirs, NETWORK), (mine, "test_call")):
        with pytest.raises(NotFound):
            await checks.get(project, kind, row.id)


async def test_only_the_newest_tests_are_kept(world: World, mine: str, theirs: str, checks: Diagnostics) -> None:
    kept = await checks.test_network(theirs, NetworkTestCreate(target_endpoint="sip.example.com"))
    async with world.database.transaction() as session:
        session.add_all(
            DiagnosticRow(id=f"diag_0000{each:04d}", project_id=mine, kind=NETWORK, request={}, result={})
            for each in range(500)
        )

    newest = await checks.test_network(mine, NetworkTestCreate(target_endpoint="sip.example.com"))

    with pytest.raises(NotFound):
        await checks.get(mine, NETWORK, "diag_00000000")
    for project, kept_id in ((mine, "diag_00000001"), (mine, newest.id), (theirs, kept.id)):
        assert (await checks.get(project, NETWORK, kept_id)).id == kept_id
