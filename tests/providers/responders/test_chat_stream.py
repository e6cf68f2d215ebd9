import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.providers.responders.chat_stream import MAX_LINE_BYTES, ChatStream, GarbledStream, ToolCall


def event(delta: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}).encode() + b"\n\n"


def call(index: int, name: str | None, arguments: str) -> dict[str, Any]:
    return {"tool_calls": [{"index": index, "function": {"name": name, "arguments": arguments}}]}


def read(*pieces: bytes) -> tuple[str, list[ToolCall]]:
    stream = ChatStream()
    text = "".join([stream.feed(piece) for piece in pieces]) + stream.finish()
    return text, stream.tool_calls()


HELLO = event({"role": "assistant", "content": ""}) + event({"content": "Hel"}) + event({"content": "lo – ü"})


@given(st.lists(st.integers(0, len(HELLO)), max_size=6))
def test_cutting_the_stream_anywhere_changes_nothing(cuts: list[int]) -> None:
    pieces = [HELLO[a:b] for a, b in pairwise([0, *sorted(cuts), len(HELLO)])]
    assert read(*pieces) == ("Hello – ü", [])


@pytest.mark.parametrize(
    "body",
    [
        b'data:{"choices":[{"delta":{"content":"Hi"}}]}\r\n\r\ndata:[DONE]\r\n\r\n',
        b': keep-alive\n\nevent: chunk\nid: 7\ndata: {"choices":[{"delta":{"content":"Hi"}}]}\n\n',
        b'data: {"choices":[],"usage":{"total_tokens":9}}\n\ndata: {"choices":[{"delta":{"content":"Hi"}}]}',
        b'data: {"choices":[{"delta":{"reasoning_content":"hm","content":null}}]}\n' + event({"content": "Hi"}),
        b'data: {"choices":[{"delta":{"refusal":"Hi"}}],"error":null}\n\ndata: [DONE]\n\n' + event({"content": "!"}),
        b'{"choices":[{"index":0,"message":{"role":"assistant","content":"Hi"}}]}',
        b'data: {"choices":[{"finish_reason":"stop"}]}\ndata: {"choices":[{"delta":{"content":"Hi"}}]}\n',
    ],
)
def test_the_dialects_of_other_servers(body: bytes) -> None:
    assert read(body) == ("Hi", [])


def test_tool_calls_are_put_together() -> None:
    pieces = [
        event(call(1, "b", "")),
        event(call(0, "a", '{"x"')),
        event(call(0, None, ": 1}")),
        event({"content": "Bye"}),
    ]
    assert read(*pieces) == ("Bye", [ToolCall("a", '{"x": 1}'), ToolCall("b", "")])


def test_tool_calls_are_bounded() -> None:
    _, calls = read(*[event(call(index, "a", "x" * 3000)) for index in range(20) for _ in range(2)])
    assert len(calls) == 8
    assert all(len(one.arguments) == 4000 for one in calls)


@pytest.mark.parametrize(
    "body",
    [
        b"data: {not json\n\n",
        b"data: [1]\n\n",
        b"data: \xff\n\n",
        b'data: {"choices":[{"delta":{"content":7}}]}\n\n',
        b'data: {"error":{"message":"overloaded"}}\n\n',
        b"data: " + b"x" * (MAX_LINE_BYTES + 1),
    ],
)
def test_rubbish_is_said_to_be_rubbish(body: bytes) -> None:
    with pytest.raises(GarbledStream):
        read(body)
