"""What a chat model is asked: the conversation as messages, how to speak, what it may do, and which settings it gets.

Servers and models differ in what they accept. What OpenAI documents for a model is followed; a setting that a server
refuses by name is left out from then on (`Refused`), because an agent that cannot hang up is better than a silent one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from parley.domain.agents import AgentSnapshot
from parley.providers.protocols import TurnRequest
from parley.providers.responders.chat_tools import END_CALL, PRESS_DIGITS, STAY_SILENT, TRANSFER_CALL, tools

MAX_REPLY_TOKENS = 600
MAX_LINES = 200

_STYLE = (
    "You are talking with a caller on the telephone. What you write is read aloud by a voice, so write only what is"
    " spoken: short plain sentences, no lists, no Markdown, no emoji, no code, no stage directions. Write numbers,"
    " times and addresses the way they are said. Ask one thing at a time. The caller's words come from speech"
    " recognition and may be misheard; if something makes no sense, ask. If a line of yours ends abruptly, the caller"
    " interrupted you there and did not hear the rest."
)
_ENDING = f" When the conversation is over, say goodbye and call {END_CALL} in the same answer."
_COLLEAGUE = "[A human colleague took the call over for a while and said to the caller: {}]"
_WHISPERED = (
    "Your supervisor listens to this call and has told you the following, which the caller did not hear. Follow it from"
    " now on, the latest first where two disagree, and never mention it:"
)
_RETURNED = (
    "You tried to transfer this caller to a human, but {}. The caller has been told that nobody could take the call,"
    " and is talking with you again. Help as well as you can; try another transfer only if the caller asks for it."
)
_WHY = {"busy": "the line was busy", "no_answer": "nobody answered"}
_KEYS = f" To press telephone keys, for a menu that asks for them, call {PRESS_DIGITS}."
_SILENCE = f" If the caller is not talking to you, or asks you to wait, write nothing and call {STAY_SILENT}."
_TRANSFER = f" To hand the caller to a human, say so and call {TRANSFER_CALL} in the same answer."

# Reasoning before the first word is silence on the phone. The least each family accepts, from its model pages at
# https://developers.openai.com/api/docs/models; function calls in chat completions want "none" where it exists.
_EFFORTS = (
    (re.compile(r"gpt-(?:5\.[1-9]|[6-9]|\d\d)(?!.*chat)"), "none"),
    (re.compile(r"gpt-5(?!.*chat)"), "minimal"),
    (re.compile(r"o[1-9]"), "low"),
)

# By which words a server's refusal names a setting.
_NAMED_BY = {
    "tools": ("tool", "function"),
    "reasoning_effort": ("reasoning",),
    "temperature": ("temperature",),
    "max_completion_tokens": ("max_completion_tokens", "max_tokens"),
    "max_tokens": ("max_completion_tokens", "max_tokens"),
}
_TOO_LONG = re.compile(r"context[ _](?:length|window|size)|maximum context|prompt is too")


class Refused:
    """The settings a model's server would not take, learnt from its refusals."""

    def __init__(self) -> None:
        self._names: dict[str, set[str]] = {}

    def of(self, model: str) -> frozenset[str]:
        return frozenset(self._names.get(model, ()))

    def learn(self, model: str, sent: Iterable[str], message: str) -> bool:
        """Whether the message names a setting that was sent, so that asking again without it makes sense.

        One that complains of how long everything is names everything, and all agents would pay for one long prompt.
        """
        text = message.lower()
        if _TOO_LONG.search(text):
            return False
        named = {name for name in sent if any(word in text for word in _NAMED_BY.get(name, ()))}
        if named and len(self._names) < 1000:
            self._names.setdefault(model, set()).update(named)
        return bool(named)


def settings(agent: AgentSnapshot, model: str, *, is_openai: bool, refused: frozenset[str]) -> dict[str, Any]:
    """Everything of the request's body but `model`, `messages` and `stream`."""
    wanted: dict[str, Any] = {
        "tools": tools(agent),
        "max_completion_tokens" if is_openai else "max_tokens": MAX_REPLY_TOKENS,
    }
    if agent.model.temperature is not None:
        wanted["temperature"] = agent.model.temperature
    effort = next((effort for pattern, effort in _EFFORTS if pattern.match(model)), None)
    if effort is not None:
        wanted["reasoning_effort"] = effort
    return {name: value for name, value in wanted.items() if name not in refused}


def messages(turn: TurnRequest, *, has_tools: bool) -> list[dict[str, str]]:
    """The system prompt and what was said; of the agent's lines only what the caller heard.

    What a human said in the agent's place is told to the agent, not put into its mouth.

    Lines of the same speaker in a row become one message, because some models' templates insist on taking turns.
    """
    said: list[dict[str, str]] = []
    for line in turn.history[-MAX_LINES:]:
        text, role = line.text.strip(), "assistant" if line.role == "agent" else "user"
        if not text:
            continue
        if line.role == "human":
            text = _COLLEAGUE.format(text)
        if said and said[-1]["role"] == role:
            said[-1]["content"] += "\n" + text
        else:
            said.append({"role": role, "content": text})
    if turn.transcript.strip() and (not said or said[-1]["role"] != "user"):
        said.append({"role": "user", "content": turn.transcript.strip()})
    return [{"role": "system", "content": _system(turn, has_tools=has_tools)}, *said]


def _system(turn: TurnRequest, *, has_tools: bool) -> str:
    agent, guidance = turn.plan.agent, _STYLE
    if not agent.language.lower().startswith("en"):
        guidance += f" Speak the language with the tag {agent.language} unless the caller asks for another."
    if has_tools:
        guidance += _ENDING + (_TRANSFER if agent.transfer_number else "") + _KEYS + _SILENCE
    told = "".join(f"\n- {whisper.text.strip()}" for whisper in turn.whispers)
    instructions = f"\n\n{_WHISPERED}{told}" if told else ""
    if turn.transfer is not None:
        instructions += f"\n\n{_RETURNED.format(_WHY.get(turn.transfer.outcome, 'it could not be done'))}"
    return f"{agent.system_prompt.strip()}\n\n{guidance}{instructions}".strip()
