"""What may never stand in a log does not, wherever it came from."""

from __future__ import annotations

from typing import Any

import pytest

from parley.logs import redact


def logged(**event: Any) -> dict[str, Any]:
    return dict(redact(None, "info", dict(event)))


@pytest.mark.parametrize(
    "name", ["api_key", "auth_token", "Authorization", "webhook_secret", "password", "x_signature"]
)
def test_what_is_named_like_a_secret_is_blanked(name: str) -> None:
    assert logged(**{name: "value"}) == {name: "…"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("dialling +14155551234 now", "dialling +… now"),
        ("Key (phone_number)=(+14155551234) exists", "Key (phone_number)=(+…) exists"),
        ("To=%2B14155551234&From=x", "To=%2B+…&From=x"),
        ("key sk_live_abc123DEF", "key …"),
        ("Bearer abc.def.ghi", "Bearer …"),
        ("postgresql://user:pass@host/db", "postgresql://…@host/db"),
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "…"),
        ("took 14155551234 ns at 2025-01-15T10:30:00+00:00", "took 14155551234 ns at 2025-01-15T10:30:00+00:00"),
    ],
)
def test_what_looks_private_is_cut_out_of_any_text(text: str, shown: str) -> None:
    assert logged(event=text) == {"event": shown}
    assert logged(nested={"list": [text]}) == {"nested": {"list": [shown]}}


def test_figures_and_ids_stay() -> None:
    assert logged(call_id="call_1", ms=12.5, ok=True, none=None) == {
        "call_id": "call_1",
        "ms": 12.5,
        "ok": True,
        "none": None,
    }
