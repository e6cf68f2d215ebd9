"""What a chat model may do besides speaking, offered as tools, and what its calls of them mean.

What it may do is decided here and not by the model: a call of something that was not offered, or whose arguments are
none, does nothing but leave a problem on the call.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from parley.domain.agents import AgentSnapshot
from parley.providers.protocols import (
    DigitsPart,
    HangupPart,
    RefusedPart,
    ReplyPart,
    SilencePart,
    TextPart,
    TransferPart,
)
from parley.providers.responders.chat_stream import ToolCall

END_CALL = "end_call"
TRANSFER_CALL = "transfer_call"
PRESS_DIGITS = "press_digits"
STAY_SILENT = "stay_silent"

MAX_KEYS = 64
"""In one answer; a card's number with its codes has fewer."""
NOT_OFFERED = "tool_not_offered"
BAD_ARGUMENTS = "tool_arguments_refused"

_KEYS = re.compile(r"[0-9*#wW]+")
_BETWEEN_KEYS = re.compile(r"[\s.,()-]+")
_MAX_WORDS_CHARS = 500


def tools(agent: AgentSnapshot) -> list[dict[str, Any]]:
    """The tools this agent's model is offered, as chat completions want them."""
    farewell = ("farewell", "The goodbye to say first. Empty if you have said it already.")
    announcement = ("announcement", "What to tell the caller first. Empty if you have said it already.")
    keys = ("keys", f"At most {MAX_KEYS} of 0-9, * and #, in their order; w waits half a second.")
    offered = [_tool(END_CALL, "Hang up after what you say now was heard.", farewell)]
    if agent.transfer_number:
        offered.append(_tool(TRANSFER_CALL, "Transfer the caller to a human.", announcement))
    offered.append(_tool(PRESS_DIGITS, "Press keys of the telephone: they sound in the call as tones.", keys))
    offered.append(_tool(STAY_SILENT, "Say nothing this time and go on listening."))
    return offered


class Offer:
    """What one request offered, so that its answer can be held against it."""

    def __init__(self, offered: Iterable[Mapping[str, Any]]) -> None:
        self._names = frozenset(tool["function"]["name"] for tool in offered)

    def parts(self, calls: Sequence[ToolCall], *, said: bool) -> list[ReplyPart]:
        """What the calls of one answer come to, in order; the call is left at most once, and last.

        Of a model that `said` nothing besides, the words that it gave to the leaving are spoken. One that does
        something is not silent; whether one that wrote something is, the conversation sees by what can be spoken.
        """
        parts: list[ReplyPart] = []
        leaving: list[ReplyPart] = []
        wants_silence = False
        for call in calls:
            if call.name not in self._names:
                parts.append(RefusedPart(NOT_OFFERED))
            elif call.name == PRESS_DIGITS:
                parts.append(_keys(call.arguments, MAX_KEYS - _pressed(parts)))
            elif call.name == STAY_SILENT:
                wants_silence = True
            elif not leaving:
                leaving = [*_words(call.arguments, said=said), _LEAVE[call.name]]
        parts += leaving
        does_nothing = all(isinstance(part, RefusedPart) for part in parts)
        return [*parts, SilencePart()] if wants_silence and does_nothing else parts


_LEAVE: dict[str, HangupPart | TransferPart] = {END_CALL: HangupPart(), TRANSFER_CALL: TransferPart()}


def _keys(arguments: str, room: int) -> DigitsPart | RefusedPart:
    """People write keys in groups; what is no key means that something else was meant."""
    given = _decoded(arguments).get("keys")
    if isinstance(given, bool) or not isinstance(given, str | int):
        return RefusedPart(BAD_ARGUMENTS)
    keys = _BETWEEN_KEYS.sub("", str(given))
    return DigitsPart(keys) if _KEYS.fullmatch(keys) and len(keys) <= room else RefusedPart(BAD_ARGUMENTS)


def _pressed(parts: Iterable[ReplyPart]) -> int:
    return sum(len(part.digits) for part in parts if isinstance(part, DigitsPart))


def _words(arguments: str, *, said: bool) -> Iterator[TextPart]:
    """The first text among the arguments, whatever the model called it."""
    words = next((text.strip() for text in _decoded(arguments).values() if isinstance(text, str) and text.strip()), "")
    if words and not said:
        yield TextPart(words[:_MAX_WORDS_CHARS])


def _decoded(arguments: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(arguments, type=dict[str, Any])
    except (msgspec.DecodeError, ValueError, RecursionError):
        return {}


def _tool(name: str, description: str, *arguments: tuple[str, str]) -> dict[str, Any]:
    """Those that leave take the words to say, because a model that calls a tool often says nothing besides."""
    properties = {key: {"type": "string", "description": meaning} for key, meaning in arguments}
    parameters = {"type": "object", "properties": properties}
    return {"type": "function", "function": {"name": name, "description": description, "parameters": parameters}}
