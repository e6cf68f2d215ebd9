"""Both spellings in, one readable sentence for everything that is wrong, and ISO moments out."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import model_validator
from pydantic.alias_generators import to_camel

from parley.domain.errors import BadInput, FieldError
from parley.schemas.agents import AgentCreate, AgentList, AgentUpdate
from parley.schemas.base import Timestamp, Wire, parse, parse_query, problem, respelled
from parley.schemas.calls import CallCreate, CallList
from parley.schemas.credentials import CredentialCreate
from parley.schemas.numbers import NumberBuy, NumberImport
from parley.schemas.webhooks import WebhookPut

REQUESTS: list[tuple[type[Wire], dict[str, Any]]] = [
    (AgentCreate, {"name": "A", "voice_mode": "hosted", "system_prompt": "p", "text_to_speech": {"speed": 1.5}}),
    (NumberBuy, {"country": "US", "area_code": "415", "agent_id": "agent_1"}),
    (NumberImport, {"phone_number": "+14155551234", "friendly_name": "n", "credential_id": "cred_1"}),
    (CallCreate, {"agent_id": "agent_1", "to_number": "4155551234", "initial_greeting": "Hi", "system_prompt": None}),
    (CredentialCreate, {"name": "k", "provider": "acme", "api_key": "s", "account_sid": "AC1"}),
    (WebhookPut, {"url": "https://a.example", "context_limit": 5, "timeout": 30}),
]


@pytest.mark.parametrize(("shape", "snake"), REQUESTS)
def test_both_spellings_mean_the_same(shape: type[Wire], snake: dict[str, Any]) -> None:
    camel = {to_camel(name): value for name, value in snake.items()}

    assert parse(shape, snake) == parse(shape, camel)


def test_the_same_field_in_both_spellings_is_refused() -> None:
    with pytest.raises(BadInput, match=r"toNumber.*to_number") as refused:
        parse(CallCreate, {"agentId": "a", "toNumber": "1", "to_number": "2"})
    assert [error.field for error in refused.value.errors] == ["toNumber"]


def test_the_same_nested_field_twice_is_refused_too() -> None:
    class Inner(Wire):
        two_words: str = ""

    class Outer(Wire):
        inner: Inner

    with pytest.raises(BadInput, match=r"inner\.twoWords"):
        parse(Outer, {"inner": {"two_words": "a", "twoWords": "b"}})


def test_what_customers_own_is_never_respelled() -> None:
    own = {"snake_key": {"camelKey": 1}, "camelKey": 2}

    call = parse(CallCreate, {"agentId": "a", "toNumber": "+14155551234", "metadata": own, "variables": own})

    assert call.metadata == own
    assert call.variables == own


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "toNumber"),
        ({"agentId": "a"}, "toNumber"),
        ({"agent_id": "a"}, "to_number"),
        ({"to_number": 5}, "to_number"),
    ],
)
def test_fields_are_named_as_the_caller_spells_them(body: dict[str, Any], field: str) -> None:
    with pytest.raises(BadInput) as refused:
        parse(CallCreate, body)

    assert field in [error.field for error in refused.value.errors]
    assert f"`{field}`" in refused.value.message


@pytest.mark.parametrize(
    ("shape", "body", "ends"),
    [
        (AgentList, {"limit": 0}, ("1", "100")),
        (AgentList, {"limit": 101}, ("1", "100")),
        (CallList, {"offset": -1}, ("0",)),
        (WebhookPut, {"url": "u", "contextLimit": 51}, ("0", "50")),
        (WebhookPut, {"url": "u", "timeout": 4}, ("5", "120")),
        (AgentCreate, {"name": "A", "textToSpeech": {"speed": 9}}, ("0.5", "2.0")),
    ],
)
def test_a_range_is_named(shape: type[Wire], body: dict[str, Any], ends: tuple[str, ...]) -> None:
    with pytest.raises(BadInput) as refused:
        parse(shape, body)

    for end in ends:
        assert end in refused.value.message


def test_a_query_string_is_all_text() -> None:
    assert parse_query(CallList, {"limit": "5", "agentId": "agent_1"}) == CallList(limit=5, agent_id="agent_1")
    with pytest.raises(BadInput, match="between 1 and 100"):
        parse_query(CallList, {"limit": "500"})


class Part(Wire):
    how_many: int
    how_much: float = 1.0


class Kinds(Wire):
    """A field of every kind that JSON has."""

    some_text: str = ""
    is_there: bool = False
    the_part: Part | None = None
    the_parts: list[Part] | None = None
    any_object: dict[str, Any] | None = None


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"someText": 5}, "someText"),
        ({"some_text": True}, "some_text"),
        ({"isThere": 1}, "isThere"),
        ({"isThere": "true"}, "isThere"),
        ({"anyObject": [["a", 1]]}, "anyObject"),
        ({"thePart": {"howMany": "5"}}, "thePart.howMany"),
        ({"the_part": {"how_many": True}}, "the_part.how_many"),
        ({"thePart": {"howMany": 1, "howMuch": "1.5"}}, "thePart.howMuch"),
        ({"thePart": {"howMany": 1, "howMuch": False}}, "thePart.howMuch"),
        ({"thePart": 5}, "thePart"),
        ({"theParts": [{"howMany": 1}, {"howMany": "1"}]}, "theParts.1.howMany"),
        ({"theParts": {"0": {"howMany": 1}}}, "theParts"),
        ({"the_part": {}}, "the_part.how_many"),
        ({"thePart": {}}, "thePart.howMany"),
    ],
)
def test_no_type_in_a_body_is_taken_for_another(body: dict[str, Any], field: str) -> None:
    with pytest.raises(BadInput) as refused:
        parse(Kinds, body)
    assert [error.field for error in refused.value.errors] == [field]
    assert "dictionary" not in refused.value.message


def test_a_whole_number_is_a_number_too() -> None:
    body = {"thePart": {"howMany": 2, "howMuch": 3}, "theParts": [{"how_many": 1}], "anyObject": {"aKey": {"b_key": 1}}}
    read = parse(Kinds, body)
    assert read.the_part == Part(how_many=2, how_much=3.0)
    assert read.any_object == {"aKey": {"b_key": 1}}


def test_a_number_without_a_fraction_is_an_integer_however_it_is_written() -> None:
    assert parse(WebhookPut, {"url": "https://a.example", "contextLimit": 5.0}).context_limit == 5
    with pytest.raises(BadInput, match="contextLimit"):
        parse(WebhookPut, {"url": "https://a.example", "contextLimit": 5.5})


def test_a_rule_about_several_fields_names_one_as_the_caller_does() -> None:
    class Pair(Wire):
        first_one: int = 0
        last_one: int = 0

        @model_validator(mode="after")
        def _in_order(self) -> Pair:
            if self.last_one < self.first_one:
                raise problem("last_one", "must not be below the first")
            return self

    for body, field in (({"firstOne": 1}, "lastOne"), ({"first_one": 1}, "last_one")):
        with pytest.raises(BadInput, match=f"`{field}` must not be below the first.") as refused:
            parse(Pair, body)
        assert refused.value.errors == (FieldError(field, "must not be below the first"),)


def test_what_a_service_refuses_is_told_in_the_callers_spelling() -> None:
    refused = BadInput("`toNumber` must be a number.", [FieldError("toNumber", "must be a number")])
    assert respelled(refused, {"toNumber": 1}) is refused
    spelled = respelled(refused, {"to_number": 1})
    assert (spelled.message, spelled.errors) == (
        "`to_number` must be a number.",
        (FieldError("to_number", "must be a number"),),
    )


def test_what_a_refusal_names_besides_is_told_in_the_callers_spelling() -> None:
    refused = BadInput("Name one with `credentialId`, as `toNumber` and `acme` were.")
    assert respelled(refused, {"toNumber": 1}) is refused
    spelled = respelled(refused, {"agent_id": 1, "toNumber": 1})
    assert spelled.message == "Name one with `credential_id`, as `toNumber` and `acme` were."


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"provider_config": {"accountSid": "-"}}, "provider_config.accountSid"),
        ({"provider_config": {"account_sid": "-"}}, "provider_config.account_sid"),
        ({"providerConfig": {"accountSid": "-"}, "api_key": "-"}, "providerConfig.accountSid"),
        ({"provider_config": None}, "provider_config.account_sid"),
    ],
)
def test_every_step_of_a_path_is_told_as_it_was_sent(sent: dict[str, object], field: str) -> None:
    refused = BadInput("`providerConfig.accountSid` is none.", [FieldError("providerConfig.accountSid", "is none")])
    spelled = respelled(refused, sent)
    assert (spelled.message, spelled.errors) == (f"`{field}` is none.", (FieldError(field, "is none"),))


@pytest.mark.parametrize("body", [None, [], "text", 5, True])
def test_a_body_is_an_object(body: object) -> None:
    with pytest.raises(BadInput, match="JSON object"):
        parse(AgentCreate, body)


@pytest.mark.parametrize("value", ["\x00", "\ud800", float("nan"), float("inf"), {"a": ["\x00"]}, {"\x00": 1}])
def test_what_postgres_cannot_keep_is_refused(value: object) -> None:
    with pytest.raises(BadInput, match="metadata"):
        parse(CallCreate, {"agentId": "a", "toNumber": "+14155551234", "metadata": {"deep": [value]}})


def test_a_mode_cannot_be_cleared() -> None:
    for name in ("voiceMode", "voice_mode"):
        with pytest.raises(BadInput, match=f"`{name}` cannot be null; leave it out to keep it."):
            parse(AgentUpdate, {name: None})
    assert parse(AgentUpdate, {"name": "A"}).voice_mode is None
    shown = AgentUpdate.model_json_schema()["properties"]
    assert (shown["voiceMode"]["type"], shown["name"]["type"]) == ("string", "string")
    assert parse(AgentUpdate, {"description": None}).model_fields_set == {"description"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(["name", "voiceMode", "systemPrompt", "textToSpeech", "voice", "language", "system_prompt"])


@given(st.dictionaries(NAMES | st.text(max_size=8), JSON, max_size=6))
def test_any_json_is_read_or_refused_with_a_sentence(body: dict[str, Any]) -> None:
    refusals: list[BadInput] = []
    try:
        agent = parse(AgentCreate, body)
        json.dumps(agent.model_dump(mode="json", by_alias=True)).encode()
    except BadInput as refused:
        refusals.append(refused)
    assert all(message for refusal in refusals for _, message in refusal.errors)


def test_moments_are_written_in_utc_with_milliseconds() -> None:
    class Note(Wire):
        created_at: Timestamp

    at = datetime(2025, 1, 15, 12, 30, 0, 123456, tzinfo=timezone(timedelta(hours=2)))

    assert Note(created_at=at).model_dump(mode="json", by_alias=True) == {"createdAt": "2025-01-15T10:30:00.123Z"}
    assert Note(created_at=at.astimezone(UTC)).model_dump(mode="json") == {"created_at": "2025-01-15T10:30:00.123Z"}
