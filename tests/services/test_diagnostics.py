"""What tests of networks say, and what they leave open."""

from __future__ import annotations

import pytest

from parley.domain.errors import BadInput, NotFound, TargetBlocked
from parley.domain.network_tests import NetworkSeen, SipSeen, Target
from parley.schemas.diagnostics import NetworkTestCreate
from parley.services.diagnostics import NETWORK, Diagnostics
from parley.storage.tables import DiagnosticRow
from tests.services.world import World


class StillProbe:
    """Answers with what it was given, and notes what it was asked."""

    def __init__(self) -> None:
        asked = SipSeen(transport="udp", sent=2, times_ms=(10.0, 14.0), status=200, reason="OK", server="edge/1")
        self.answer = NetworkSeen(
            addresses=("192.0.2.7",), resolved_ms=3, connected_to="192.0.2.7", connected_ms=5, sip=[asked]
        )
        self.refusal: TargetBlocked | None = None
        self.asked: list[tuple[Target, int]] = []

    async def look(self, target: Target, probes: int) -> NetworkSeen:
        self.asked.append((target, probes))
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
    row = await checks.test_network(mine, NetworkTestCreate(target_endpoint="sip.example.com:5070", probes=2))

    assert probe.asked == [(Target(host="sip.example.com", port=5070, transports=("udp", "tcp")), 2)]
    assert (row.result["status"], row.result["connected_to"], row.result["port"]) == ("passed", "192.0.2.7", 5070)
    assert verdicts(row) == {"dns": "passed", "tcp": "passed", "sip_udp": "passed", "quality": "passed"}
    latency = {"min_ms": 10.0, "avg_ms": 12.0, "p95_ms": 14.0, "jitter_ms": 4.0, "loss": 0.0, "sent": 2, "answered": 2}
    assert row.result["latency"] == row.result["sip"][0]["latency"] == latency


async def test_a_server_that_does_not_answer_is_a_result(mine: str, checks: Diagnostics, probe: StillProbe) -> None:
    probe.answer = NetworkSeen(failure="unresolved")
    row = await checks.test_network(mine, NetworkTestCreate(target_endpoint="sip.example.com"))
    assert (row.result["status"], verdicts(row)["dns"]) == ("failed", "failed")


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
