import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook

from parley.domain.errors import BadInput, Forbidden
from parley.domain.secrets import Secret
from parley.domain.webhooks import (
    RETRY_DELAYS_S,
    classify,
    doubling_delays,
    new_secret,
    next_attempt_at,
    read_retry_after,
    sign,
    sign_for_subscriber,
    verify,
)

SECRET = Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
BODY = '{"event":"call.ended","data":{"transcript":"für Elise"}}'.encode()
NOW_S = 1_700_000_000
NOW = datetime(2025, 1, 15, 14, 0, tzinfo=UTC)


def test_the_signature_is_the_one_the_standards_own_example_prints() -> None:
    body = b'{"test": 2432232314}'
    headers = sign(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_standard_library_of_receivers_accepts_a_fresh_secret_and_signature() -> None:
    secret = new_secret()
    headers = sign(secret, "evt_1", int(time.time()), BODY)
    assert Webhook(secret.reveal()).verify(BODY, headers)["event"] == "call.ended"


def test_the_native_signature_is_hex_over_timestamp_and_body_with_the_whole_secret() -> None:
    headers = sign(Secret("whsec_c2VjcmV0"), "evt_1", 1_700_000_000, b"{}")
    # printf '1700000000.{}' | openssl dgst -sha256 -hmac whsec_c2VjcmV0
    assert headers["X-Webhook-Signature"] == "sha256=364c5930136b64e55f7f7a0228b53cdcdcfe48ee68e73fa94d7a3e529cec1c38"
    assert headers["X-Webhook-ID"] == "evt_1"
    assert headers["X-Webhook-Timestamp"] == "1700000000"


def test_a_subscribers_request_is_signed_over_its_body_with_a_secret_of_any_text() -> None:
    headers = sign_for_subscriber(Secret("your_webhook_secret"), "evt_1", NOW_S, b"{}", "X-Body-Signature")
    # printf '{}' | openssl dgst -sha256 -hmac your_webhook_secret
    assert headers["X-Body-Signature"] == "sha256=691a717b048d034ed31e56f4a45865ec097a0fdc12cc79c4d970ee86e47ab5b7"
    assert headers.keys() == {"webhook-id", "webhook-timestamp", "webhook-signature", "X-Body-Signature"}


@pytest.mark.parametrize("text", ["your_webhook_secret", "whsec_not base64!", "ü", "c2VjcmV0"])
def test_a_secret_of_any_text_signs_with_its_own_bytes(text: str) -> None:
    headers = sign_for_subscriber(Secret(text), "evt_1", int(time.time()), BODY, "X-Body-Signature")
    assert Webhook(text.encode()).verify(BODY, headers)["event"] == "call.ended"
    assert verify(Secret(text), headers, BODY, now_s=time.time()) == "evt_1"


def test_a_secret_that_parley_made_signs_for_a_subscriber_as_it_does_for_a_webhook() -> None:
    theirs, ours = (
        sign_for_subscriber(SECRET, "evt_1", NOW_S, BODY, "X-Body-Signature"),
        sign(SECRET, "evt_1", NOW_S, BODY),
    )
    assert theirs["webhook-signature"] == ours["webhook-signature"]


def test_nothing_is_signed_or_verified_without_a_secret() -> None:
    with pytest.raises(BadInput):
        sign_for_subscriber(Secret(""), "evt_1", NOW_S, BODY, "X-Body-Signature")
    with pytest.raises(BadInput):
        verify(Secret(""), sign(SECRET, "evt_1", NOW_S, BODY), BODY, now_s=NOW_S)


@given(st.binary(max_size=200), st.integers(0, 10**11))
def test_what_is_signed_verifies_by_either_header_set(body: bytes, stamp: int) -> None:
    headers = sign(SECRET, "evt_1", stamp, body)
    native = {name: value for name, value in headers.items() if name.startswith("X-")}
    assert verify(SECRET, headers, body, now_s=stamp) == "evt_1"
    assert verify(SECRET, native, body, now_s=stamp) == "evt_1"


def test_header_names_are_compared_without_case_and_one_valid_signature_of_several_is_enough() -> None:
    headers = {name.upper(): value for name, value in sign(SECRET, "evt_1", NOW_S, BODY).items()}
    headers["WEBHOOK-SIGNATURE"] = "v1,AAAA " + headers["WEBHOOK-SIGNATURE"]
    assert verify(SECRET, headers, BODY, now_s=NOW_S) == "evt_1"


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-signature": "v1,AAAA"},
        {"webhook-signature": "ü"},
        {"webhook-signature": ""},
        {"webhook-id": "evt_2"},
        {"webhook-timestamp": str(NOW_S + 1)},
        {"webhook-timestamp": "soon"},
        {"webhook-timestamp": "9" * 400},
        {"webhook-timestamp": "-5"},
    ],
)
def test_a_changed_request_is_refused(change: dict[str, str]) -> None:
    with pytest.raises(Forbidden):
        verify(SECRET, sign(SECRET, "evt_1", NOW_S, BODY) | change, BODY, now_s=NOW_S)


def test_another_body_another_secret_an_old_request_and_an_unsigned_one_are_refused() -> None:
    headers = sign(SECRET, "evt_1", NOW_S, BODY)
    with pytest.raises(Forbidden):
        verify(SECRET, headers, BODY + b" ", now_s=NOW_S)
    with pytest.raises(Forbidden):
        verify(new_secret(), headers, BODY, now_s=NOW_S)
    with pytest.raises(Forbidden):
        verify(SECRET, headers, BODY, now_s=NOW_S + 301)
    with pytest.raises(Forbidden):
        verify(SECRET, headers, BODY, now_s=NOW_S - 301)
    with pytest.raises(Forbidden):
        verify(SECRET, {}, BODY, now_s=NOW_S)


@pytest.mark.parametrize("text", ["", "whsec_", "whsec_not base64!", "c2VjcmV0"])
def test_a_malformed_secret_is_refused_without_being_quoted(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        sign(Secret(text), "evt_1", NOW_S, BODY)
    assert not text or text not in caught.value.message.replace("`whsec_`", "")


def test_secrets_differ() -> None:
    assert new_secret().reveal() != new_secret().reveal()


def test_the_schedule_is_seven_retries_and_then_the_end() -> None:
    pauses = [next_attempt_at(attempt, NOW, 0.0) for attempt in range(1, 8)]
    assert [at - NOW for at in pauses if at] == [
        timedelta(seconds=s) for s in (5, 300, 1800, 7200, 18000, 36000, 50400)
    ]
    assert next_attempt_at(8, NOW, 0.0) is None


def test_a_schedule_of_ones_own_doubles_and_ends() -> None:
    delays = doubling_delays(3, 5)
    assert list(delays) == [5.0, 10.0, 20.0]
    assert [next_attempt_at(attempt, NOW, 0.0, delays_s=delays) for attempt in (1, 3, 4)] == [
        NOW + timedelta(seconds=5),
        NOW + timedelta(seconds=20),
        None,
    ]
    assert next_attempt_at(1, NOW, 0.0, delays_s=doubling_delays(0, 5)) is None
    assert max(doubling_delays(10, 3600)) == RETRY_DELAYS_S[-1]


@given(st.integers(1, len(RETRY_DELAYS_S)), st.floats(0, 1, exclude_max=True))
def test_jitter_only_stretches_and_by_a_fifth_at_most(attempt: int, jitter: float) -> None:
    at = next_attempt_at(attempt, NOW, jitter)
    assert at is not None
    assert 1.0 <= (at - NOW).total_seconds() / RETRY_DELAYS_S[attempt - 1] <= 1.2


def test_a_longer_retry_after_is_honoured_a_shorter_one_and_an_endless_one_are_not() -> None:
    assert next_attempt_at(1, NOW, 0.0, retry_after_s=120) == NOW + timedelta(seconds=120)
    assert next_attempt_at(2, NOW, 0.0, retry_after_s=1) == NOW + timedelta(seconds=300)
    assert next_attempt_at(1, NOW, 0.0, retry_after_s=1e9) == NOW + timedelta(days=1)


def test_outcomes() -> None:
    assert [classify(status) for status in (200, 204, 299)] == ["delivered"] * 3
    assert classify(410) == "disable"
    assert [classify(status) for status in (None, 301, 400, 401, 404, 429, 500, 503)] == ["retry"] * 8


def test_retry_after_in_seconds_as_a_date_and_as_rubbish() -> None:
    assert read_retry_after(429, "120", NOW) == 120.0
    assert read_retry_after(503, "Wed, 15 Jan 2025 14:01:00 GMT", NOW) == 60.0
    assert read_retry_after(503, "Wed, 15 Jan 2025 13:00:00 GMT", NOW) == 0.0
    for rubbish in ("soon", "-5", "", "Wed, 15 Jan 99999 99:99:99 +99999999999999"):
        assert read_retry_after(429, rubbish, NOW) is None
    assert read_retry_after(500, "120", NOW) is None
    assert read_retry_after(429, None, NOW) is None
