"""A chat model as judge: what it is asked, what servers that know less are asked, and what its failures are."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from parley.domain.analysis import Line, Question, Wanted, question
from parley.domain.errors import ProviderError
from parley.domain.secrets import Secret
from parley.providers.judges.chat import MAX_ANSWER_BYTES, ChatJudge
from tests.emulators.openai import Completion, OpenAIEmulator, judgement

KEY = Secret("sk-tenant")
ASKED = question(Wanted(), [Line("caller", "Are you open?"), Line("agent", "Until six.")])


@asynccontextmanager
async def judged(
    answer: Completion | str = "", timeout_s: float = 5.0
) -> AsyncIterator[tuple[OpenAIEmulator, ChatJudge]]:
    async with OpenAIEmulator(lambda messages: "") as openai:
        openai.judge = (lambda body: answer) if answer else judgement
        judge = ChatJudge(openai.url, default_model="house-model", timeout_s=timeout_s)
        yield openai, judge
        await judge.aclose()


async def test_the_schema_is_sent_for_structured_output_and_the_document_comes_back() -> None:
    async with judged() as (openai, judge):
        document, model = await judge.judge(ASKED, "", KEY)
    assert document["satisfaction_score"] == 4.2
    assert model == "emulated"
    [sent] = openai.judgements
    assert (sent.body["model"], sent.headers["authorization"]) == ("house-model", "Bearer sk-tenant")
    form = sent.body["response_format"]
    assert (form["type"], form["json_schema"]["strict"]) == ("json_schema", True)
    assert form["json_schema"]["schema"] == ASKED.schema
    system, user = sent.body["messages"]
    assert (system["content"], user["content"]) == (ASKED.instructions, ASKED.material)
    assert "Until six." not in system["content"]
    assert sent.body.get("stream") is not True


@pytest.mark.parametrize(
    ("formats", "asked"),
    [
        (frozenset({"json_object"}), ["json_schema", "json_object", "json_object"]),
        (frozenset[str](), ["json_schema", "json_object", "text", "text"]),
    ],
    ids=["json_object", "text"],
)
async def test_a_server_that_knows_less_is_asked_for_less_and_that_is_remembered(
    formats: frozenset[str], asked: list[str]
) -> None:
    async with judged() as (openai, judge):
        openai.formats = formats
        for _ in range(2):
            assert (await judge.judge(ASKED, "small", KEY)).document["resolution_status"] == "resolved"
    assert [each.body.get("response_format", {}).get("type", "text") for each in openai.judgements] == asked
    assert '"resolution_status"' in openai.judgements[-1].body["messages"][0]["content"]


async def test_a_server_that_refuses_the_limit_is_asked_without_it() -> None:
    async with judged() as (openai, judge):
        openai.judge = lambda body: (
            Completion(status=400, error="Unsupported parameter: 'max_tokens'")
            if "max_tokens" in body
            else judgement(body)
        )
        assert (await judge.judge(ASKED, "", KEY)).document["topics"]
    assert len(openai.judgements) == 2


async def test_json_in_a_code_fence_is_json() -> None:
    async with judged('```json\n{"a": 1}\n```') as (_, judge):
        assert (await judge.judge(ASKED, "", KEY)).document == {"a": 1}


@pytest.mark.parametrize(
    ("answer", "reason", "retryable"),
    [
        (Completion("Sure! Here it is."), "no_json", True),
        (Completion('{"a": ' + "[" * 100_000), "no_json", True),
        (Completion('{"summary": "It was', finish_reason="length"), "too_long", True),
        (Completion("", refusal="I cannot help with that."), "declined", False),
        (Completion("x" * (MAX_ANSWER_BYTES + 1)), "garbled", True),
        (Completion(trouble="garbage"), "garbled", True),
        (Completion(trouble="array"), "garbled", True),
        (Completion("{}", trouble="cut"), "broke_off", True),
        (Completion("{}", trouble="hang"), "timeout", True),
        (Completion(status=500), "http_status", True),
        (Completion(status=429), "rate_limited", True),
        (Completion(status=404), "not_found", False),
        (Completion(status=400, error="The content is not allowed."), "refused", False),
    ],
)
async def test_what_goes_wrong_says_whether_asking_again_makes_sense(
    answer: Completion, reason: str, retryable: bool
) -> None:
    async with judged(answer, timeout_s=0.5) as (_, judge):
        with pytest.raises(ProviderError) as caught:
            await judge.judge(ASKED, "", KEY)
    assert (caught.value.reason, caught.value.retryable) == (reason, retryable)
    assert "Here it is" not in caught.value.message


async def test_a_wrong_key_is_not_tried_again() -> None:
    async with judged() as (openai, judge):
        openai.keys = frozenset({"sk-other"})
        with pytest.raises(ProviderError) as caught:
            await judge.judge(ASKED, "", KEY)
    assert (caught.value.reason, caught.value.retryable) == ("unauthorized", False)
    assert "sk-tenant" not in caught.value.message


def test_a_question_is_what_the_provider_needs_and_nothing_else() -> None:
    assert set(Question.__struct_fields__) == {"instructions", "material", "schema"}
