"""What tests of numbers and networks say, and what they leave open."""

from __future__ import annotations

import pytest

from parley.domain.endpoints import Reach
from parley.domain.errors import BadInput, NotFound, TargetBlocked
from parley.schemas.agents import AgentUpdate
from parley.schemas.diagnostics import CallTestCreate, NetworkTestCreate
from parley.schemas.numbers import NumberImport
from parley.schemas.webhooks import WebhookPut
from parley.services.accounts import CarrierAccounts
from parley.services.diagnostics import CALL, NETWORK, Diagnostics
from parley.storage.tables import DiagnosticRow
from tests.services.world import World

HOOK = WebhookPut(url="https://a.example/hook")


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
    return Diagnostics(world.database, world.accounts, probe, world.clock)


def verdicts(row: DiagnosticRow) -> dict[str, str]:
    return {check["name"]: check["status"] for check in row.result["checks"]}


# ---------------------------------------------------------------- calls


async def test_a_number_that_would_be_answered_passes_without_a_call(
    world: World, mine: str, checks: Diagnostics
) -> None:
    agent = await world.agent(mine)
    number = await world.number(mine, agent.id)
    asked = len(world.carrier.asked)

    row = await checks.test_call(mine, CallTestCreate(phone_number=number.phone_number))

    assert (row.result["status"], row.result["agent_id"], row.result["answered_by"]) == ("passed", agent.id, "model")
    assert verdicts(row) == {
        "connection": "passed",
        "account": "passed",
        "agent": "passed",
        "answer": "passed",
        "routing": "not_tested",
        "call": "not_tested",
    }
    assert len(world.carrier.asked) == asked


async def test_an_agent_that_asks_a_webhook_needs_one(world: World, mine: str, checks: Diagnostics) -> None:
    agent = await world.agent(mine, voice_mode="webhook")
    number = await world.number(mine, agent.id)
    wanted = CallTestCreate(phone_number=number.phone_number)

    alone = await checks.test_call(mine, wanted)
    await world.webhooks.put(mine, None, HOOK)
    asked = await checks.test_call(mine, wanted)
    await world.agents.update(mine, agent.id, AgentUpdate(voice_mode="hosted"))
    hosted = await checks.test_call(mine, wanted)

    assert (alone.result["status"], alone.result["answered_by"], verdicts(alone)["answer"]) == (
        "failed",
        None,
        "failed",
    )
    assert (asked.result["status"], asked.result["answered_by"]) == ("passed", "webhook")
    assert hosted.result["answered_by"] == "model"


async def test_a_number_without_agent_fails_where_it_is_missing(world: World, mine: str, checks: Diagnostics) -> None:
    number = await world.number(mine)

    row = await checks.test_call(mine, CallTestCreate(phone_number=number.phone_number))

    assert row.result["status"] == "failed"
    assert verdicts(row) | {"agent": "failed", "answer": "not_tested"} == verdicts(row)


async def test_a_number_no_carrier_brings_here_fails(world: World, mine: str, checks: Diagnostics) -> None:
    agent = await world.agent(mine)
    imported = NumberImport(phone_number="+14155557777", provider="another-carrier", agent_id=agent.id)
    await world.numbers.import_(mine, imported)

    row = await checks.test_call(mine, CallTestCreate(phone_number="+14155557777"))

    assert (row.result["status"], verdicts(row)["connection"]) == ("failed", "failed")


async def test_a_number_whose_account_is_gone_fails(world: World, mine: str, probe: StillProbe) -> None:
    number = await world.number(mine, (await world.agent(mine)).id)
    nobodys = CarrierAccounts(world.database, world.credentials, {})

    row = await Diagnostics(world.database, nobodys, probe).test_call(
        mine, CallTestCreate(phone_number=number.phone_number)
    )

    with pytest.raises(BadInput):
        await nobodys.for_number(number.id)  # which every report of a call is verified with
    assert (row.result["status"], verdicts(row)["account"]) == ("failed", "failed")


async def test_only_ones_own_numbers_are_tested(world: World, mine: str, theirs: str, checks: Diagnostics) -> None:
    foreign = await world.number(theirs)

    for phone in (foreign.phone_number, "+14155550000"):
        with pytest.raises(NotFound):
            await checks.test_call(mine, CallTestCreate(phone_number=phone))


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
    for project, kind in ((theirs, NETWORK), (mine, CALL)):
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
