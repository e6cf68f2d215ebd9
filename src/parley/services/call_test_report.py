"""From what a scripted caller met, and what was written down of its call, to a report: step by step, with what to do.

This file tells of the way to the agent; `call_test_talk` of what was said there.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from parley.domain.agents import AgentSnapshot
from parley.domain.call_tests import CallSeen, Contact
from parley.domain.decisions import Decision
from parley.services.checks import Check, check, during


class CallWritten(msgspec.Struct, frozen=True, kw_only=True):
    """What this server wrote down of a test call. `lines` are (what was recognised, what of the answer was heard)."""

    call_id: str
    status: str
    end_reason: str | None
    agent: AgentSnapshot
    problems: tuple[str, ...] = ()
    lines: tuple[tuple[str, str | None], ...] = ()
    events: int = 0

    def had(self, *parts: str) -> list[str]:
        """The problems whose codes begin with one of these."""
        return [code for code in self.problems if code.startswith(parts)]


_UNREACHED = {
    "unresolved": (
        "The public address does not resolve from this server.",
        "Check the host name in PARLEY_PUBLIC_URL and its DNS records.",
    ),
    "refused": (
        "Nothing answers at the public address.",
        "Start the proxy or tunnel in front of this server, and let it forward to it.",
    ),
    "tls": (
        "The certificate of the public address is not trusted.",
        "Renew the certificate, serve its whole chain, and check that it is for this host name.",
    ),
    "timeout": (
        "The public address did not answer in time.",
        "Let your firewall accept connections to it. Some routers do not let a machine reach its own public address:"
        " then try it from outside.",
    ),
    "broke_off": (
        "The public address broke off the connection.",
        "Look at the log of the proxy or tunnel in front of this server.",
    ),
}
_UNCHANGED = "Let the proxy pass requests to /carriers on unchanged: path, query, body and headers."


def way_to_agent(
    seen: CallSeen, written: CallWritten | None, decision: Decision | None, *, has_public_url: bool
) -> Iterator[Check]:
    """From the public address to the open media stream."""
    yield _public(seen, has_public_url)
    contact = seen.own or seen.public
    if contact is None:
        yield from untested(_AFTER_ACCOUNT, "No call could be made.")
        return
    yield during(contact, _webhook(contact))
    if not contact.is_good:
        yield from untested(_AFTER_WEBHOOK, "The webhook gave no document.")
        return
    yield _routing(seen, written, decision)
    yield _stream(seen, decision)


_AFTER_WEBHOOK = ("routing", "media_stream")
_AFTER_ACCOUNT = ("webhook", *_AFTER_WEBHOOK)


def untested(names: tuple[str, ...], why: str) -> Iterator[Check]:
    for name in names:
        yield check(name, "not_tested", why)


def _public(seen: CallSeen, has_public_url: bool) -> Check:
    if seen.public is None:
        return check("public_url", "not_tested", "No call could be made.")
    if not has_public_url:
        detail = "PARLEY_PUBLIC_URL is not set, so no carrier can reach this server; it was called at its own address."
        return check("public_url", "not_tested", detail)
    return during(seen.public, _public_found(seen.public, seen.own))


def _public_found(contact: Contact, own: Contact | None) -> Check:
    if contact.is_good:
        return check("public_url", "passed", "The address that carriers know leads to this server.")
    if contact.status is None:
        return check("public_url", "failed", *_UNREACHED[contact.error])
    if own is not None and own.status == contact.status:
        return check("public_url", "passed", "The address that carriers know answers like this server.")
    detail = f"The public address answered with HTTP {contact.status}, and this server itself did not."
    fix = _UNCHANGED if contact.status == 403 else "Let the proxy in front of this server forward /carriers to it."
    return check("public_url", "failed", detail, fix)


def _webhook(contact: Contact) -> Check:
    if contact.is_good:
        detail = "The voice webhook accepted the carrier's signature and said what to do with the call."
        return check("webhook", "passed", detail)
    if contact.status == 403:
        return check(
            "webhook",
            "failed",
            "The voice webhook refused the call: its signature is not that of the account that owns the number, or the"
            " number is not active any more.",
            "Check that the number is active, and that its credential holds the account's present auth token.",
        )
    if contact.status is None:
        return check("webhook", "failed", *_UNREACHED[contact.error])
    detail = f"The voice webhook answered with HTTP {contact.status}."
    return check("webhook", "failed", detail, "Look at this server's log at that moment.")


_GOES_TO = {
    "agent": "to an agent",
    "number": "to a human's number",
    "queue": "into a queue",
    "voicemail": "to voicemail",
    "announcement": "to an announcement",
    "reject": "nowhere: it is rejected",
}


_DECLINED = frozenset({"no_agent", "limit_reached", "rejected"})


def _routing(seen: CallSeen, written: CallWritten | None, decision: Decision | None) -> Check:
    decided = "Nothing is known of the decision."
    if decision is not None:
        why = next((each.why for each in decision.considered if each.name == decision.matched), "")
        decided = f"`{decision.matched}` decided that the call goes {_GOES_TO[decision.action]}. {why}".strip()
    is_declined = written is None or written.end_reason in _DECLINED
    is_meant = decision is not None and decision.action == "reject" and decision.matched != "fallback"
    if not is_declined or (is_meant and "reject" in seen.verbs):
        return check("routing", "passed", decided)
    fix = (
        "Assign an agent to the number, or give routing a default agent. If there is one, look at its limit of calls at"
        " once, and whether this server is stopping."
    )
    return check("routing", "failed", f"The call was declined. {decided}", fix)


def _stream(seen: CallSeen, decision: Decision | None) -> Check:
    if seen.stream_error and seen.connected_ms is not None:
        return check(
            "media_stream",
            "failed",
            "The media websocket could not be opened at the public address; at this server's own it could.",
            "Let the proxy forward websocket upgrades (the Upgrade and Connection headers) under /carriers.",
            at_ms=seen.connected_ms,
        )
    if seen.connected_ms is not None:
        detail = "The media websocket was opened with the token of the document."
        return check("media_stream", "passed", detail, at_ms=seen.connected_ms)
    if seen.stream_error:
        return check(
            "media_stream",
            "failed",
            "The media websocket could not be opened.",
            "Let the proxy forward websocket upgrades under /carriers, and look at this server's log.",
        )
    if decision is not None and decision.action == "number":
        detail = "A true call would ring the human's number now. A test rings nobody."
        return check("media_stream", "not_tested", detail)
    return check("media_stream", "not_tested", "The call came to no media stream.")
