"""What a chat model may do besides speaking, on the real wire, held against what it was offered."""

import pytest

from parley.domain.errors import ProviderError
from parley.providers.protocols import (
    DigitsPart,
    HangupPart,
    RefusedPart,
    ReplyPart,
    SilencePart,
    TextPart,
    TransferPart,
)
from parley.providers.responders.chat_tools import MAX_KEYS
from tests.emulators.openai import Completion
from tests.providers.responders.test_chat import asked
from tests.providers.responders.turns import collect, text_of, turn

HUMAN = "+15550001111"


async def answered(completion: Completion, transfer_number: str = "") -> list[ReplyPart]:
    async with asked(completion) as (_, responder):
        return await collect(responder.respond(turn(transfer_number=transfer_number)))


def acts(parts: list[ReplyPart]) -> list[ReplyPart]:
    return [part for part in parts if not isinstance(part, TextPart)]


async def test_keys_are_pressed_and_the_model_may_go_on_speaking() -> None:
    menu = Completion(
        "I press two for you.", tools=(("press_digits", {"keys": "2"}), ("press_digits", {"keys": "w5#"}))
    )
    parts = await answered(menu)
    assert text_of(parts) == "I press two for you."
    assert acts(parts) == [DigitsPart("2"), DigitsPart("w5#")]


async def test_calls_that_come_before_the_text_or_within_it_are_the_same_calls() -> None:
    for place in (0, 2, None):
        goodbye = Completion("Thank you for calling, goodbye.", tools=(("end_call", {}),), tools_after=place)
        parts = await answered(goodbye)
        assert text_of(parts) == "Thank you for calling, goodbye."
        assert parts[-1] == HangupPart()


@pytest.mark.parametrize("numbers_tools", [True, False])
async def test_several_calls_in_one_answer_are_told_apart(numbers_tools: bool) -> None:
    leaving = (("transfer_call", {"announcement": "One moment."}), ("end_call", {"farewell": "Bye."}))
    calls = Completion(tools=(("press_digits", {"keys": "1"}), *leaving), numbers_tools=numbers_tools)
    parts = await answered(calls, HUMAN)
    assert parts == [DigitsPart("1"), TextPart("One moment."), TransferPart()]


async def test_the_call_is_left_last_whatever_is_called_behind_it() -> None:
    calls = (("end_call", {"farewell": "Bye."}), ("press_digits", {"keys": "1"}))
    assert await answered(Completion(tools=calls)) == [DigitsPart("1"), TextPart("Bye."), HangupPart()]


async def test_what_was_not_offered_is_not_done_and_leaves_a_problem() -> None:
    for name in ("transfer_call", "get_weather", "", "END_CALL"):
        parts = await answered(Completion("Sunny.", tools=((name, {"announcement": "I put you through."}),)))
        assert text_of(parts) == "Sunny."
        assert acts(parts) == [RefusedPart("tool_not_offered")]


async def test_an_answer_that_only_wants_what_it_may_not_do_is_no_answer() -> None:
    async with asked(Completion(tools=(("transfer_call", {"announcement": "I put you through."}),))) as (_, responder):
        reply = responder.respond(turn())
        assert await anext(reply) == RefusedPart("tool_not_offered")
        with pytest.raises(ProviderError) as caught:
            await collect(reply)
    assert (caught.value.reason, caught.value.retryable) == ("empty", True)


async def test_a_server_that_knows_no_tools_has_none_called() -> None:
    async with asked(Completion("Hi.", tools=(("end_call", {}),))) as (openai, responder):
        openai.knows_tools = False
        assert acts(await collect(responder.respond(turn()))) == [RefusedPart("tool_not_offered")]


@pytest.mark.parametrize(
    ("arguments", "pressed"),
    [
        ({"keys": "12*#wW"}, "12*#wW"),
        ({"keys": "+1 (415) 555"}, None),
        ({"keys": "1 2-3, 4"}, "1234"),
        ({"keys": 12}, "12"),
        ({"keys": True}, None),
        ({"keys": "one"}, None),
        ({"keys": ""}, None),
        ({"keys": ["1"]}, None),
        ({"digits": "1"}, None),
        ({"keys": "1" * MAX_KEYS}, "1" * MAX_KEYS),
        ({"keys": "1" * (MAX_KEYS + 1)}, None),
        ('{"keys": "1', None),
        ("[[[[", None),
        ("", None),
        ('"1"', None),
    ],
)
async def test_keys_are_keys_or_nothing_is_pressed(arguments: dict[str, object] | str, pressed: str | None) -> None:
    parts = await answered(Completion("Done.", tools=(("press_digits", arguments),)))
    assert acts(parts) == [RefusedPart("tool_arguments_refused") if pressed is None else DigitsPart(pressed)]


async def test_all_keys_of_one_answer_are_bounded_together() -> None:
    many = (
        ("press_digits", {"keys": "1" * (MAX_KEYS - 1)}),
        ("press_digits", {"keys": "23"}),
        ("press_digits", {"keys": "4"}),
    )
    assert acts(await answered(Completion(tools=many))) == [
        DigitsPart("1" * (MAX_KEYS - 1)),
        RefusedPart("tool_arguments_refused"),
        DigitsPart("4"),
    ]


@pytest.mark.parametrize("arguments", ["", "{", '{"farewell": 7}', '{"farewell": "  "}', "[1]", "null"])
async def test_a_hangup_with_garbled_arguments_is_a_hangup_without_words(arguments: str) -> None:
    assert await answered(Completion(tools=(("end_call", arguments),))) == [HangupPart()]


async def test_words_to_leave_with_are_bounded() -> None:
    parts = await answered(Completion(tools=(("end_call", {"farewell": "Bye. " * 200}),)))
    assert len(text_of(parts)) == 500


async def test_a_model_may_say_nothing_on_purpose_but_not_besides_something_else() -> None:
    assert await answered(Completion(tools=(("stay_silent", {}),))) == [SilencePart()]
    assert await answered(Completion(tools=(("stay_silent", "nonsense"), ("get_weather", {})))) == [
        RefusedPart("tool_not_offered"),
        SilencePart(),
    ]
    pressed = await answered(Completion(tools=(("press_digits", {"keys": "1"}), ("stay_silent", {}))))
    assert pressed == [DigitsPart("1")]


async def test_the_model_is_told_what_it_can_do() -> None:
    async with asked("Hi.") as (openai, responder):
        await collect(responder.respond(turn()))
        await collect(responder.respond(turn(transfer_number=HUMAN)))
        without, with_number = [request.body["messages"][0]["content"] for request in openai.requests]
    assert all(name in without for name in ("end_call", "press_digits", "stay_silent"))
    assert "transfer_call" not in without
    assert "transfer_call" in with_number
