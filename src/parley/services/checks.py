"""One thing that was looked at: what was seen, and where it failed, what to do."""

from __future__ import annotations

from typing import Any

from parley.domain.call_tests import Contact

Check = dict[str, Any]
"""`name`, `status`, `detail`; `what_to_do` of a failed one; milliseconds: `at_ms` since the test began, `took_ms`."""


def check(
    name: str, status: str, detail: str, fix: str | None = None, *, at_ms: int | None = None, took_ms: int | None = None
) -> Check:
    """`status` is `passed`, `failed` or `not_tested`."""
    return {
        "name": name,
        "status": status,
        "detail": detail,
        "what_to_do": fix,
        "at_ms": at_ms,
        "took_ms": took_ms,
    }


def during(contact: Contact, made: Check) -> Check:
    """The same check with the times of a request."""
    return {**made, "at_ms": contact.at_ms, "took_ms": contact.took_ms}


def verdict(checks: list[Check]) -> str:
    """Whether anything that was tested failed, or nothing could be tested at all."""
    statuses = {each["status"] for each in checks}
    return "failed" if "failed" in statuses or "passed" not in statuses else "passed"
