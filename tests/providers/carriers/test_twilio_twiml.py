"""The documents are well-formed XML whatever goes into them."""

from __future__ import annotations

from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from parley.providers.carriers.twilio import twiml

# What XML 1.0 can carry at all, without the white space that attributes normalise.
printable = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFFFD, exclude_categories=["Cs"]), min_size=1)


@given(stream_url=printable, token=printable, after_url=printable)
def test_connect_carries_everything_unchanged(stream_url: str, token: str, after_url: str) -> None:
    connect = ElementTree.fromstring(twiml.connect(stream_url, token, after_url).encode())[0]
    stream = connect[0]
    parameter = stream[0]
    assert (connect.tag, stream.tag, parameter.tag) == ("Connect", "Stream", "Parameter")
    assert (connect.get("action"), connect.get("method")) == (after_url, "POST")
    assert (stream.get("url"), parameter.get("name"), parameter.get("value")) == (stream_url, "token", token)


@given(number=printable, caller_id=printable, after_url=printable, answered_url=printable, timeout_s=st.integers())
def test_forward_carries_everything_and_rings_as_long_as_twilio_takes(
    number: str, caller_id: str, after_url: str, answered_url: str, timeout_s: int
) -> None:
    document = twiml.forward(number, caller_id, after_url, answered_url, timeout_s)
    dial = ElementTree.fromstring(document.encode())[0]
    assert (dial.tag, dial.get("callerId"), dial.get("action"), dial.get("method")) == (
        "Dial",
        caller_id,
        after_url,
        "POST",
    )
    assert (dial[0].text, dial[0].get("statusCallback"), dial[0].get("statusCallbackEvent")) == (
        number,
        answered_url,
        "answered",
    )
    assert 1 <= int(dial.get("timeout", "")) <= 600


def test_the_short_ones() -> None:
    assert ElementTree.fromstring(twiml.hangup().encode())[0].tag == "Hangup"
    reject = ElementTree.fromstring(twiml.reject().encode())[0]
    assert (reject.tag, reject.get("reason")) == ("Reject", "busy")
