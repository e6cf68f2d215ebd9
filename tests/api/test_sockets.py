"""The ASGI side of a media socket: text through, everything else ends it, and nothing ever raises."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.types import Message

from parley.api.sockets import UNSUPPORTED_DATA, AsgiTextSocket


class Wire:
    """What an ASGI server would bring and take; `is_gone` makes sending fail as it does after a disconnect."""

    def __init__(self, incoming: Sequence[Message]) -> None:
        self.incoming = list(incoming)
        self.sent: list[Message] = []
        self.is_gone = False

    async def receive(self) -> Message:
        return self.incoming.pop(0)

    async def send(self, message: Message) -> None:
        if self.is_gone:
            raise OSError
        self.sent.append(message)


CONNECT: Message = {"type": "websocket.connect"}
GONE: Message = {"type": "websocket.disconnect", "code": 1006}


def text(content: str) -> Message:
    return {"type": "websocket.receive", "text": content}


async def test_text_goes_through_both_ways_until_the_other_side_leaves() -> None:
    wire = Wire([CONNECT, text("a"), text(""), GONE])
    socket = AsgiTextSocket(wire.receive, wire.send)
    assert await socket.accept()
    await socket.send("b")
    assert [await socket.receive() for _ in range(4)] == ["a", "", None, None]
    await socket.send("c")
    assert wire.sent == [{"type": "websocket.accept"}, {"type": "websocket.send", "text": "b"}]


async def test_bytes_end_the_socket() -> None:
    wire = Wire([CONNECT, {"type": "websocket.receive", "bytes": b"\0"}])
    socket = AsgiTextSocket(wire.receive, wire.send)
    await socket.accept()
    assert await socket.receive() is None
    assert wire.sent[-1] == {"type": "websocket.close", "code": UNSUPPORTED_DATA}


async def test_a_client_that_left_before_the_handshake_is_not_accepted() -> None:
    wire = Wire([GONE])
    socket = AsgiTextSocket(wire.receive, wire.send)
    assert not await socket.accept()
    assert await socket.receive() is None
    assert wire.sent == []


async def test_sending_into_a_broken_socket_is_silent() -> None:
    wire = Wire([CONNECT])
    socket = AsgiTextSocket(wire.receive, wire.send)
    await socket.accept()
    wire.is_gone = True
    await socket.send("a")
    await socket.close()
    assert await socket.receive() is None


async def test_closing_twice_says_so_once() -> None:
    wire = Wire([CONNECT])
    socket = AsgiTextSocket(wire.receive, wire.send)
    await socket.accept()
    await socket.close(1008)
    await socket.close()
    assert wire.sent[1:] == [{"type": "websocket.close", "code": 1008}]
