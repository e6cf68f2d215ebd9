import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Literal

import msgspec
import pytest

from parley.domain.agents import ModelChoice
from parley.domain.errors import ProviderError
from parley.domain.transfers import ReturnedTransfer
from parley.providers.protocols import HangupPart, HistoryLine, Instruction, TextPart, TransferPart, TurnRequest
from parley.providers.responders.chat import DEFAULT_MODEL, ChatResponder
from tests.emulators.openai import Completion, Message, OpenAIEmulator
from tests.providers.responders.turns import at_s, collect, text_of, turn

ANSWER = "We are open until six."
Decide = Callable[[list[Message]], str | Completion]


@asynccontextmanager
async def asked(
    decide: Decide | str | Completion, **limits: float
) -> AsyncIterator[tuple[OpenAIEmulator, ChatResponder]]:
    chosen = decide if callable(decide) else lambda messages: decide
    async with OpenAIEmulator(chosen) as openai:
        responder = ChatResponder(openai.url, **limits)  # type: ignore[arg-type]
        yield openai, responder
        await responder.aclose()


async def fails(completion: Completion, **limits: float) -> ProviderError:
    async with asked(completion, **limits) as (_, responder):
        with pytest.raises(ProviderError) as caught:
            await collect(responder.respond(turn()))
        return caught.value


async def test_text_is_handed_on_as_it_streams() -> None:
    async with asked(ANSWER) as (openai, responder):
        openai.token_gap_s = 0.1
        loop = asyncio.get_running_loop()
        arrivals = [(part, loop.time()) async for part in responder.respond(turn())]
        assert text_of([part for part, _ in arrivals]) == ANSWER
        assert len(arrivals) == 5
        # The last piece was sent four gaps after the first one, which had been handed on by then.
        assert arrivals[-1][1] - arrivals[0][1] > 0.2


async def test_the_request_says_who_speaks_with_which_key_and_what_was_heard() -> None:
    async with asked(ANSWER) as (openai, responder):
        await collect(responder.respond(turn(model=ModelChoice(model="house-model", temperature=0.3))))
        request = openai.requests[0]
    assert request.headers["authorization"] == "Bearer sk-tenant"
    assert request.body["model"] == "house-model"
    assert request.body["stream"] is True
    assert request.body["temperature"] == 0.3
    assert 0 < request.body["max_tokens"] <= 1000
    system, *said = request.body["messages"]
    assert system["role"] == "system"
    assert system["content"].startswith("You are the front desk.")
    assert "telephone" in system["content"]
    assert said == [
        {"role": "assistant", "content": "Hello!"},
        {"role": "user", "content": "Are you open?"},
        {"role": "assistant", "content": "Yes, until"},
        {"role": "user", "content": "Until when?"},
    ]


async def test_without_choices_the_default_model_is_asked_without_reasoning_and_without_a_key_none_is_sent() -> None:
    async with asked(ANSWER) as (openai, responder):
        await collect(responder.respond(turn(model_key="")))
        assert "authorization" not in openai.requests[0].headers
        assert openai.requests[0].body["model"] == DEFAULT_MODEL
        assert openai.requests[0].body["reasoning_effort"] == "none"
        assert "temperature" not in openai.requests[0].body


async def test_lines_of_one_speaker_become_one_message_and_the_last_word_is_the_callers() -> None:
    base = turn()
    said: list[tuple[Literal["caller", "agent"], str]] = [("caller", "One"), ("caller", "two"), ("agent", "Hm.")]
    lines = tuple(HistoryLine(role, text, at_s(place)) for place, (role, text) in enumerate(said))
    async with asked(ANSWER) as (openai, responder):
        await collect(responder.respond(TurnRequest(base.plan, 1, "Three?", 1.0, lines)))
        assert openai.requests[0].body["messages"][1:] == [
            {"role": "user", "content": "One\ntwo"},
            {"role": "assistant", "content": "Hm."},
            {"role": "user", "content": "Three?"},
        ]


async def test_a_humans_words_are_told_to_the_model_and_not_put_into_its_mouth() -> None:
    base = turn()
    lines = (
        HistoryLine("agent", "Hello!", at_s(0)),
        HistoryLine("caller", "A human, please.", at_s(1)),
        HistoryLine("human", "Ann here, hello.", at_s(2)),
    )
    async with asked(ANSWER) as (openai, responder):
        await collect(responder.respond(TurnRequest(base.plan, 1, "Thanks.", 1.0, lines)))
        said = openai.requests[0].body["messages"][1:]
    assert [line["role"] for line in said] == ["assistant", "user"]
    assert said[1]["content"].startswith("A human, please.\n[A human colleague took the call over")
    assert "Ann here, hello." in said[1]["content"]


async def test_a_supervisors_whispers_are_instructions_and_no_part_of_what_was_said() -> None:
    base = turn()
    told = (Instruction("Offer a discount.", at_s(1)), Instruction("No, do not.", at_s(2)))
    async with asked(ANSWER) as (openai, responder):
        await collect(responder.respond(TurnRequest(base.plan, 1, "Hm.", 1.0, base.history, told)))
        [system, *said] = openai.requests[0].body["messages"]
    assert system["content"].endswith("\n- Offer a discount.\n- No, do not.")
    assert "discount" not in str(said)


@pytest.mark.parametrize(("outcome", "why"), [("busy", "the line was busy"), ("failed", "it could not be done")])
async def test_the_model_is_told_that_a_transfer_came_to_nothing(outcome: str, why: str) -> None:
    back = msgspec.structs.replace(turn(), transfer=ReturnedTransfer("+15550001111", outcome))
    async with asked(ANSWER) as (openai, responder):
        await collect(responder.respond(back))
        [system, *_] = openai.requests[0].body["messages"]
    assert f"to transfer this caller to a human, but {why}." in system["content"]
    assert "+1555" not in str(openai.requests[0].body["messages"])


async def test_the_model_can_hang_up_and_transfer() -> None:
    goodbye = Completion("Goodbye!", tools=(("end_call", {"farewell": "ignored, it was said"}),))
    async with asked(goodbye) as (openai, responder):
        parts = await collect(responder.respond(turn()))
        assert (text_of(parts), parts[-1]) == ("Goodbye!", HangupPart())
        offered = [tool["function"]["name"] for tool in openai.requests[0].body["tools"]]
        assert offered == ["end_call", "press_digits", "stay_silent"]
    silent = Completion(tools=(("transfer_call", {"announcement": "One moment, a colleague."}),))
    async with asked(silent) as (openai, responder):
        parts = await collect(responder.respond(turn(transfer_number="+15550001111")))
        assert parts == [TextPart("One moment, a colleague."), TransferPart()]
        assert len(openai.requests[0].body["tools"]) == 4
    async with asked(Completion(tools=(("end_call", {}),))) as (_, responder):
        assert await collect(responder.respond(turn())) == [HangupPart()]


async def test_a_server_that_knows_no_tools_is_asked_again_without_and_remembered() -> None:
    async with asked(ANSWER) as (openai, responder):
        openai.knows_tools = False
        for _ in range(2):
            assert text_of(await collect(responder.respond(turn()))) == ANSWER
        assert ["tools" in request.body for request in openai.requests] == [True, False, False]
        assert "end_call" not in openai.requests[-1].body["messages"][0]["content"]


async def test_refused_settings_are_left_out_one_after_the_other() -> None:
    async with asked("") as (openai, responder):

        def decide(messages: list[Message]) -> str | Completion:
            for name in ("temperature", "max_tokens", "reasoning_effort"):
                if name in openai.requests[-1].body:
                    return Completion(status=400, error=f"Unsupported parameter: '{name}'")
            return ANSWER

        openai.decide = decide
        choice = ModelChoice(model="gpt-5-mini", temperature=1.0)
        assert text_of(await collect(responder.respond(turn(model=choice)))) == ANSWER


async def test_one_prompt_that_is_too_long_takes_the_tools_from_nobody_else() -> None:
    too_long = (
        "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens (8200 in the messages,"
        " 200 in the functions, and 600 in the completion). Please reduce the length of the messages or functions."
    )
    async with asked("") as (openai, responder):
        openai.decide = lambda messages: Completion(status=400, error=too_long)
        with pytest.raises(ProviderError):
            await collect(responder.respond(turn()))
        openai.decide = lambda messages: ANSWER
        await collect(responder.respond(turn()))
        assert "tools" in openai.requests[-1].body


@pytest.mark.parametrize(
    ("completion", "reason", "retryable"),
    [
        (Completion(status=429), "rate_limited", True),
        (Completion(status=500), "http_status", True),
        (Completion(status=503), "http_status", True),
        (Completion(status=401), "unauthorized", False),
        (Completion(status=403), "unauthorized", False),
        (Completion(status=404), "not_found", False),
        (Completion(status=400), "refused", False),
        (Completion(ANSWER, trouble="garbage"), "garbled", True),
        (Completion(ANSWER, trouble="array"), "garbled", True),
        (Completion(ANSWER, trouble="cut"), "broke_off", True),
        (Completion(""), "empty", True),
    ],
)
async def test_failures_say_whether_asking_again_makes_sense(
    completion: Completion, reason: str, retryable: bool
) -> None:
    error = await fails(completion)
    assert (error.reason, error.retryable) == (reason, retryable)


async def test_a_failure_is_not_retried_here() -> None:
    async with asked(Completion(status=500)) as (openai, responder):
        with pytest.raises(ProviderError):
            await collect(responder.respond(turn()))
        assert len(openai.requests) == 1


async def test_a_silent_and_a_stalling_server_time_out() -> None:
    error = await fails(Completion(ANSWER, first_token_s=30.0), first_text_timeout_s=0.1)
    assert (error.reason, error.retryable) == ("timeout", True)
    async with asked(Completion(ANSWER, trouble="hang", trouble_after=2), gap_timeout_s=0.1) as (_, responder):
        reply = responder.respond(turn())
        first = await anext(reply)
        with pytest.raises(ProviderError) as caught:
            await collect(reply)
        assert isinstance(first, TextPart)
        assert caught.value.reason == "timeout"


async def test_nothing_listening_is_a_failed_connection() -> None:
    responder = ChatResponder("http://127.0.0.1:9/v1")
    with pytest.raises(ProviderError) as caught:
        await collect(responder.respond(turn()))
    assert (caught.value.reason, caught.value.retryable) == ("connect_failed", True)
    await responder.aclose()


async def test_closing_the_reply_closes_the_connection() -> None:
    async with asked(Completion(ANSWER, trouble="hang", trouble_after=1)) as (openai, responder):
        async with aclosing(responder.respond(turn())) as reply:
            await anext(reply)
        await asyncio.wait_for(openai.server.left.wait(), 60)
        assert openai.server.abandoned == 1


async def test_the_connection_is_used_again() -> None:
    async with asked(ANSWER) as (openai, responder):
        for _ in range(3):
            await collect(responder.respond(turn()))
        assert openai.server.connections == 1


async def test_warming_never_fails() -> None:
    responder = ChatResponder("https://127.0.0.1:9/v1")
    await responder.warm(turn().plan)
    await responder.aclose()
