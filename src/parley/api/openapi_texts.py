"""What the API documents say in words: how a dialect is used, what a group is for, what a refusal means."""

from __future__ import annotations

from collections.abc import Mapping

_ERRORS = """Errors are `{"detail": "a sentence that says what to do", "code": "a_stable_word"}`; wrong fields are in
`errors`, named as you spelled them."""
_CASINGS = """Every field and every query parameter is accepted in camelCase and in snake_case, but not twice."""
_SHARED = """`/v1/calls` and `/v1/credentials` belong to two APIs. A body or query with a field in snake_case is
answered in snake_case; where a request shows neither casing, in camelCase. A call is shown as the API it was placed
through shows it."""


def _about(*paragraphs: str) -> str:
    return "\n\n".join(" ".join(paragraph.split("\n")) for paragraph in paragraphs)


_KEY = "Send your API key as `Authorization: Bearer <key>` or as `x-api-key: <key>`; `parley keys create` makes one."

ABOUT_ALL = _about(
    "The phone platform for AI agents that you run yourself. parley speaks three APIs: its own, which AgentPhone's"
    " clients know, OneInbox's and ThreeTone's. Each has a document of its own.",
    _KEY,
    _CASINGS,
    _SHARED,
    _ERRORS,
)
ABOUT: Mapping[str, str] = {
    "native": _about(
        "The phone platform for AI agents that you run yourself. This is its own API, in camelCase, which AgentPhone's"
        " clients speak too.",
        _KEY,
        _CASINGS,
        _SHARED,
        _ERRORS,
    ),
    "oneinbox": _about(
        "For clients of OneInbox: register numbers, place calls and poll them, in snake_case. Agents are made with the"
        " native API.",
        _KEY,
        _CASINGS,
        _SHARED,
        _ERRORS,
    ),
    "threetone": _about(
        "For clients of ThreeTone: phone numbers and their routing, SIP trunks, webhooks, conversations and"
        " diagnostics, in snake_case. Agents are made with the native API.",
        "Send your API key as `x-api-key: <key>` or as `Authorization: Bearer <key>`; `parley keys create` makes one.",
        _CASINGS,
        _ERRORS,
    ),
}

GROUPS: Mapping[str, str] = {
    "Agents": "Who answers: a prompt for the built-in chat model, or a webhook of yours, and a voice.",
    "Numbers": "Phone numbers: bought, imported, given to agents, released.",
    "Phone numbers": "Phone numbers of your carrier account or SIP trunk, and how their calls are routed.",
    "Calls": "Calls placed and received, and what was said in them.",
    "Live": "Calls as they happen: watch, listen, whisper to the agent, say a line, transfer, take over, hand back.",
    "Recordings": "What was heard in a call, caller left and agent right.",
    "Analytics": "What was learnt from calls: counted, judged by a model, and added up over time.",
    "Messages": "Text messages out and in.",
    "Conversations": "What was said or written between one of your numbers and somebody.",
    "Webhooks": "Where your server is asked and told, and what was delivered to it.",
    "Usage": "What a project used, and how much it may.",
    "Credentials": "A project's own accounts at carriers and at providers of speech and models.",
    "Project": "What holds for everything in a project.",
    "Queues": "Where callers wait, and who waits there now.",
    "Voicemail": "What callers said whom nobody could answer: the words, and the audio.",
    "SIP trunks": "Trunks that bring calls without a carrier's interface.",
    "Alerts": "Be told when calls go wrong: rules, what they fired, and what they would have.",
    "Call routing": "Who answers when, for all numbers of a project.",
    "Diagnostics": "Checks of numbers, networks and the whole integration.",
}

REFUSALS: Mapping[int, str] = {
    400: "The request is wrong; `errors` names the fields.",
    401: "The API key is missing or not valid.",
    402: "A usage limit of the project is reached.",
    403: "This may not be done.",
    404: "Nothing has this id in your project.",
    409: "The request contradicts what exists, or its `Idempotency-Key` was used for another one.",
    413: "The body is too large.",
    415: "The body is not declared as JSON.",
    416: "There is no such part of the file; Content-Range says how large it is.",
    429: "Too many requests; wait as long as Retry-After says.",
    502: "The carrier refused or could not be reached; `detail` quotes it.",
    503: "This server is draining or its database is away; try again, or another replica.",
}
