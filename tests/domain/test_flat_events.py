from datetime import UTC, datetime, timedelta
from typing import get_args

import msgspec

from parley.domain import transfers
from parley.domain.events import CallFacts
from parley.domain.flat_events import (
    SENT_NOW,
    EventName,
    connected,
    declined,
    over,
    sample,
    transfer_failed,
    transferred,
    wants,
)
from parley.domain.transfers import Transfer

AT = datetime(2024, 1, 15, 10, 30, 0, 999_999, tzinfo=UTC)
OURS, THEIRS = "+14155550001", "+14155559999"


def call(direction: str = "inbound", *, answered: bool = True, end_reason: str | None = None) -> CallFacts:
    return CallFacts(
        call_id="call_1",
        agent_id="agent_1",
        number_id="num_1",
        phone_number=OURS,
        from_number=THEIRS if direction == "inbound" else OURS,
        to_number=OURS if direction == "inbound" else THEIRS,
        direction=direction,
        status="completed" if end_reason else "in-progress",
        started_at=AT if answered else None,
        ended_at=AT + timedelta(seconds=30) if end_reason else None,
        duration_s=30 if end_reason else None,
        end_reason=end_reason,
    )


def names(events: list[dict[str, object]]) -> list[object]:
    return [event["event"] for event in events]


def test_a_started_call_is_told_flat_as_it_is_printed() -> None:
    event, _ = connected(call(), AT)
    printed = {
        "event": "call_started",
        "timestamp": "2024-01-15T10:30:00Z",
        "call_id": "call_1",
        "phone_number": OURS,
        "caller_id": THEIRS,
        "agent_id": "agent_1",
        "metadata": {"call_direction": "inbound", "call_source": "phone_system"},
    }
    data = {"call_id": "call_1", "phone_number": OURS, "caller_id": THEIRS, "agent_id": "agent_1"}
    numbers = {"direction": "inbound", "from_number": THEIRS, "to_number": OURS}
    assert event == printed | {"data": data | numbers}


def test_our_number_and_the_other_side_stay_apart_when_we_call() -> None:
    event, _ = connected(call("outbound"), AT)
    assert (event["phone_number"], event["caller_id"]) == (OURS, THEIRS)
    assert (event["data"]["from_number"], event["data"]["to_number"]) == (OURS, THEIRS)


def test_a_call_and_its_conversation_begin_and_end_together() -> None:
    assert names(connected(call(), AT)) == ["call_started", "conversation_started"]
    ended = over(call(end_reason="caller_hangup"), AT)
    assert names(ended) == ["call_ended", "conversation_ended"]
    assert (ended[0]["duration_seconds"], ended[0]["end_reason"]) == (30, "caller_hangup")
    assert ended[1]["conversation_id"] == "call_1"


def test_a_transfer_is_told_with_what_came_of_it() -> None:
    [done] = transferred(call(), transfers.answered(Transfer(to="+14155550199", at=AT), AT), AT)
    assert (done["event"], done["transfer_number"], done["outcome"]) == ("call_transferred", "+14155550199", "answered")
    [failed] = transfer_failed(call(), Transfer(to="+14155550199", at=AT, outcome="busy"), AT)
    assert (failed["event"], failed["data"]["outcome"]) == ("call_transfer_failed", "busy")
    assert names(over(call(end_reason="transferred"), AT)) == ["call_ended", "conversation_ended"]


def test_a_caller_whom_this_server_could_not_take_found_no_agent() -> None:
    turned_away = over(call(answered=False, end_reason="server_shutdown"), AT)
    assert names(turned_away) == ["agent_unavailable", "call_ended"]
    assert turned_away[0]["reason"] == "draining"
    assert names(over(call(answered=False, end_reason="caller_hangup"), AT)) == ["call_ended"]
    assert names(over(call("outbound", answered=False, end_reason="busy"), AT)) == ["call_ended"]


def test_a_declined_caller_is_told_without_a_call() -> None:
    [event] = declined(OURS, THEIRS, None, "no_agent", AT)
    assert (event["event"], event["call_id"], event["phone_number"], event["caller_id"], event["reason"]) == (
        "agent_unavailable",
        None,
        OURS,
        THEIRS,
        "no_agent",
    )


def test_every_name_that_is_sent_can_be_asked_for() -> None:
    assert set(SENT_NOW) < set(get_args(EventName))
    assert wants(["*"], "call_started")
    assert wants(["call_ended", "call_started"], "call_started")
    assert not wants(["call_ended"], "call_started")


def test_a_test_has_the_shape_of_the_others() -> None:
    event, _ = connected(call(), AT)
    assert sample(AT).keys() == event.keys()
    assert sample(AT)["data"].keys() == event["data"].keys()


def test_a_test_call_says_where_it_comes_from() -> None:
    sources = [
        event["metadata"]["call_source"] for event in connected(msgspec.structs.replace(call(), is_test=True), AT)
    ]
    assert sources == ["test_call", "test_call"]
