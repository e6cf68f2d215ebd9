"""What is looked at to tell whether a project's calls can work, and what is found of it. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

import msgspec

from parley.domain.carriers import NumberHooks, NumberSetup
from parley.domain.events import Payload, timestamp

Kind = Literal["credential", "number", "provider", "trunk", "webhook"]
Status = Literal["ok", "warning", "failed", "unknown"]

KINDS: Final[tuple[Kind, ...]] = ("credential", "number", "provider", "trunk", "webhook")


class Finding(msgspec.Struct, frozen=True):
    """One subject as it was found. `code` is a stable word; `detail` says what was seen, and what to do about it."""

    kind: Kind
    subject_id: str
    status: Status
    code: str
    detail: str


KeyState = Literal[
    "ok", "limited", "unauthorized", "suspended", "no_credit", "rate_limited", "failing", "not_there", "unreachable"
]
"""What a provider said to a key when it was asked something harmless."""

_KEY_STATES: Final[dict[KeyState, tuple[Status, str]]] = {
    "ok": ("ok", "{who} answers and takes the key."),
    "limited": ("ok", "{who} answers and knows the key, which may do some things and not others."),
    "unauthorized": ("failed", "{who} does not take the key. Create the credential again with a valid one."),
    "suspended": ("failed", "{who} has suspended or closed the account. Look at its console."),
    "no_credit": ("failed", "{who} wants to be paid first. Look at the account's balance."),
    "rate_limited": ("warning", "{who} says that there were too many requests. Raise the account's limits."),
    "failing": ("failed", "{who} has an error of its own. Look at its status page."),
    "not_there": ("failed", "{who} answers, but does not know what it was asked. Check its base URL."),
    "unreachable": ("failed", "{who} cannot be reached. Check the network and its status page."),
}


def of_key(kind: Kind, subject_id: str, who: str, state: KeyState, *, is_operators: bool = False) -> Finding:
    """How a key was received. The operator's key is the operator's to mend."""
    status, detail = _KEY_STATES[state]
    if is_operators and state == "unauthorized":
        detail = "{who} does not take this server's key. Create a credential of your own, or tell the operator."
    return Finding(kind, subject_id, status, state, detail.format(who=who))


def of_deliveries(subject_id: str, outcomes: list[bool], *, is_disabled: bool) -> Finding:
    """How a webhook or a subscription does. `outcomes` says of its last deliveries, newest first, which arrived."""
    if is_disabled:
        detail = "It is switched off. Mend your endpoint, test it, and set it again."
        return Finding("webhook", subject_id, "failed", "disabled", detail)
    if not outcomes:
        return Finding("webhook", subject_id, "unknown", "never_used", "Nothing was sent to it lately. Test it.")
    failing = next((count for count, arrived in enumerate(outcomes) if arrived), len(outcomes))
    if not failing:
        return Finding("webhook", subject_id, "ok", "ok", "The last delivery arrived.")
    detail = (
        f"{'The last delivery' if failing == 1 else f'The last {failing} deliveries'} did not arrive. Check that your"
        " endpoint answers with a 2xx status; the list of deliveries shows what it answered."
    )
    is_bad = failing >= FAILING_AFTER
    return Finding("webhook", subject_id, "failed" if is_bad else "warning", "failing", detail)


FAILING_AFTER: Final = 3
"""So many deliveries in a row that did not arrive are no accident."""


def of_number(number_id: str, ours: NumberHooks, setup: NumberSetup | None) -> Finding:
    """Whether the carrier brings a number's calls here; `setup` is None where the account does not own the number."""
    again = "Import the number again to point it here."
    if setup is None:
        detail = "The account does not own this number any more. Check the credential, or delete the number."
        return Finding("number", number_id, "failed", "not_owned", detail)
    if setup.taken_by:
        detail = f"The carrier brings this number's calls to {setup.taken_by}, and not here. {again}"
        return Finding("number", number_id, "failed", "taken_by_another", detail)
    if setup.voice_url != ours.voice_url:
        where = "nowhere" if not setup.voice_url else "to another address"
        detail = f"The carrier brings this number's calls {where}. {again}"
        return Finding("number", number_id, "failed", "points_elsewhere", detail)
    if setup.status_url != ours.status_url:
        detail = f"The carrier reports the ends of this number's calls elsewhere. {again}"
        return Finding("number", number_id, "warning", "status_elsewhere", detail)
    if setup.message_url != ours.message_url:
        detail = f"The carrier brings this number's texts elsewhere. {again}"
        return Finding("number", number_id, "warning", "messages_elsewhere", detail)
    return Finding("number", number_id, "ok", "ok", "The carrier brings this number's calls and texts here.")


def system_error(finding: Finding, at: datetime) -> Payload:
    """`system_error`, as subscriptions are told when something has failed that calls depend on."""
    facts: Payload = {
        "kind": finding.kind,
        "subject_id": finding.subject_id,
        "code": finding.code,
        "message": finding.detail,
        "call_id": None,
        "agent_id": None,
    }
    return {"event": "system_error", "timestamp": timestamp(at), **facts, "data": facts}
