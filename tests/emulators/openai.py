"""An OpenAI-compatible server on loopback: streamed chat completions, decided by a plain function, and speech.

What is asked without streaming is a judgement of a call that is over: `judge` answers it, and `judgements` keeps it
apart from the turns in `requests`.

    async with OpenAIEmulator(lambda messages: "We are open until six.") as openai:
        ...                                    # openai.url ends in /v1
        openai.requests[0].body["messages"]

The function returns the text to say, or a `Completion` for tool calls and for everything that goes wrong.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal, Self

from tests.emulators.http_server import Answer, HttpServer, Request
from tests.emulators.openai_speech import EmulatedSpeech

Message = dict[str, Any]
Decide = Callable[[list[Message]], "str | Completion"]
Judge = Callable[[dict[str, Any]], "dict[str, Any] | str | Completion"]
Trouble = Literal["none", "hang", "cut", "garbage", "array"]


@dataclass(frozen=True)
class Completion:
    """One answer. `trouble` comes after `trouble_after` tokens; delays left out are the emulator's.

    A tool's arguments that are a text are sent as they are. `tools_after` tokens the calls come, in the midst of the
    text; left out, behind it. With `numbers_tools` False every call is number 0, as some servers have it.
    """

    text: str = ""
    tools: tuple[tuple[str, dict[str, Any] | str], ...] = ()
    tools_after: int | None = None
    numbers_tools: bool = True
    status: int = 200
    error: str = "something went wrong"
    trouble: Trouble = "none"
    trouble_after: int = 0
    first_token_s: float | None = None
    finish_reason: str = "stop"
    refusal: str | None = None


@dataclass(frozen=True)
class ChatRequest:
    body: dict[str, Any]
    headers: dict[str, str]
    path: str
    connection: int


def judgement(body: dict[str, Any]) -> dict[str, Any]:
    """A judgement like another; it is told no criteria and no fields of the agent's."""
    return {
        "summary": "The caller asked something and was answered.",
        "resolution_status": "resolved",
        "satisfaction_score": 4.2,
        "topics": ["Opening hours", "card_payment"],
    }


@dataclass
class OpenAIEmulator:
    """`keys` limits who may ask; a server that does not know tools answers 400 to a request with them."""

    decide: Decide
    first_token_s: float = 0.0
    token_gap_s: float = 0.0
    keys: frozenset[str] = frozenset()
    knows_tools: bool = True
    formats: frozenset[str] = frozenset({"json_schema", "json_object"})
    judge: Judge = judgement
    judgements: list[ChatRequest] = field(default_factory=list)
    requests: list[ChatRequest] = field(default_factory=list)
    speech: EmulatedSpeech = field(default_factory=EmulatedSpeech)

    def __post_init__(self) -> None:
        self.server = HttpServer(self._handle)

    @property
    def url(self) -> str:
        return f"{self.server.url}/v1"

    async def __aenter__(self) -> Self:
        await self.server.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.server.__aexit__(kind, error, trace)

    async def _handle(self, request: Request) -> Answer:
        if (request.method, request.path) == ("POST", "/v1/audio/speech"):
            key = request.headers.get("authorization", "").removeprefix("Bearer ")
            is_known = not self.keys or key in self.keys
            return self.speech.answer(request) if is_known else _error(401, "Incorrect API key provided")
        if request.path == "/v1/models":
            key = request.headers.get("authorization", "").removeprefix("Bearer ")
            is_known = not self.keys or key in self.keys
            return _json({"data": []}) if is_known else _error(401, "Incorrect API key provided")
        if request.method != "POST" or request.path != "/v1/chat/completions":
            return _error(404, "no such path")
        body = json.loads(request.body)
        kept = self.requests if body.get("stream") else self.judgements
        kept.append(ChatRequest(body, request.headers, request.path, request.connection))
        key = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self.keys and key not in self.keys:
            return _error(401, "Incorrect API key provided")
        if body.get("tools") and not self.knows_tools:
            return _error(400, "Unrecognized request argument supplied: tools")
        if not body.get("stream"):
            return self._judged(body)
        decided = self.decide(body["messages"])
        completion = Completion(decided) if isinstance(decided, str) else decided
        delay_s = self.first_token_s if completion.first_token_s is None else completion.first_token_s
        if completion.status != 200:
            return _error(completion.status, completion.error, delay_s)
        return self._stream(completion, delay_s)

    def _judged(self, body: dict[str, Any]) -> Answer:
        asked = body.get("response_format", {}).get("type", "text")
        if asked != "text" and asked not in self.formats:
            return _error(400, f"response_format.type {asked} is not supported by this model")
        decided = self.judge(body)
        if isinstance(decided, dict):
            decided = json.dumps(decided)
        completion = Completion(decided) if isinstance(decided, str) else decided
        delay_s = completion.first_token_s or 0.0
        if completion.status != 200:
            return _error(completion.status, completion.error, delay_s)
        message = {"role": "assistant", "content": completion.text, "refusal": completion.refusal}
        choice = {"index": 0, "message": message, "finish_reason": completion.finish_reason}
        whole = {"id": "chatcmpl-emulated", "object": "chat.completion", "model": "emulated", "choices": [choice]}
        ending: Literal["complete", "cut", "hang"] = "complete"
        pieces: list[bytes | float] = [json.dumps(whole).encode()]
        match completion.trouble:
            case "hang" | "cut":
                pieces, ending = [json.dumps(whole).encode()[:20]], completion.trouble
            case "garbage" | "array":
                pieces = [b"<html>" if completion.trouble == "garbage" else b"[1]"]
            case _:
                pass
        return Answer(pieces, delay_s=delay_s, ending=ending)

    def _stream(self, completion: Completion, delay_s: float) -> Answer:
        words = [_chunk({"content": word}) for word in re.findall(r"\s*\S+|\s+\Z", completion.text)]
        calls = [
            piece
            for index, (name, given) in enumerate(completion.tools)
            for piece in _tool_call(index, name, given if isinstance(given, str) else json.dumps(given), completion)
        ]
        place = len(words) if completion.tools_after is None else completion.tools_after
        tokens = [_chunk({"role": "assistant", "content": ""}), *words[:place], *calls, *words[place:]]
        tokens.append(_chunk({}, "tool_calls" if completion.tools else completion.finish_reason))
        ending: Literal["complete", "cut", "hang"] = "complete"
        match completion.trouble:
            case "hang" | "cut":
                tokens, ending = tokens[: completion.trouble_after + 1], completion.trouble
            case "garbage":
                tokens.insert(completion.trouble_after + 1, b"data: {not json\n\n")
            case "array":
                tokens.insert(completion.trouble_after + 1, b"data: [1]\n\n")
            case _:
                pass
        if ending == "complete":
            tokens.append(b"data: [DONE]\n\n")
        pieces: list[bytes | float] = []
        for token in tokens:
            pieces += [token, self.token_gap_s] if self.token_gap_s else [token]
        return Answer(pieces, content_type="text/event-stream", delay_s=delay_s, ending=ending)


def _tool_call(index: int, name: str, arguments: str, completion: Completion) -> list[bytes]:
    """A call as it streams: first its name, then its arguments in two pieces."""
    half = len(arguments) // 2
    number = index if completion.numbers_tools else 0
    first = {"index": number, "id": f"call_{index}", "type": "function", "function": {"name": name, "arguments": ""}}
    rest = [{"index": number, "function": {"arguments": piece}} for piece in (arguments[:half], arguments[half:])]
    return [_chunk({"tool_calls": [piece]}) for piece in (first, *rest)]


def _chunk(delta: dict[str, Any], finish_reason: str | None = None) -> bytes:
    data = {
        "id": "chatcmpl-emulated",
        "object": "chat.completion.chunk",
        "created": 1_700_000_000,
        "model": "emulated",
        "system_fingerprint": "fp_emulated",
        "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}],
    }
    return b"data: " + json.dumps(data).encode() + b"\n\n"


def _json(body: dict[str, Any]) -> Answer:
    return Answer([json.dumps(body).encode()])


def _error(status: int, message: str, delay_s: float = 0.0) -> Answer:
    body = {"error": {"message": message, "type": "emulated", "param": None, "code": None}}
    return Answer([json.dumps(body).encode()], status=status, delay_s=delay_s)
