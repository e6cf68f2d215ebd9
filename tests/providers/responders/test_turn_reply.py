import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.providers.protocols import DigitsPart, HangupPart, TextPart, TransferPart
from parley.providers.responders.turn_reply import (
    MAX_OBJECT_BYTES,
    MAX_REPLY_BYTES,
    ReplyReader,
    ReplyTooLarge,
    joined,
    read_chunk,
)


def read(*pieces: bytes) -> tuple[list[dict[str, Any]], str | None]:
    reader = ReplyReader()
    found = [fields for piece in pieces for fields in reader.feed(piece)]
    return found + reader.finish(), reader.problem


A, B = {"text": "One moment.", "interim": True}, {"text": "It is {open}.\nÜber"}


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (json.dumps(B).encode(), [B]),
        (json.dumps(B, indent=2).encode(), [B]),
        (b"\xef\xbb\xbf" + json.dumps(B).encode(), [B]),
        (b"\r\n \n" + json.dumps(A).encode() + b"\r\n\r\n" + json.dumps(B).encode() + b"\r\n", [A, B]),
        (b'"hm"\n7\nnull\n[1]\nnot json\n' + json.dumps(B).encode(), [B]),
        (b'{"text": "broken\n' + json.dumps(A).encode() + b"\n" + json.dumps(B).encode() + b"\n", [A, B]),
        (json.dumps(A).encode() + b'\n{"text": "cut of', [A]),
    ],
)
def test_objects_are_found_however_the_bytes_arrive(body: bytes, found: list[dict[str, Any]]) -> None:
    assert read(body) == (found, None)
    assert read(*(body[i : i + 1] for i in range(len(body)))) == (found, None)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "empty"),
        (b" \n\n", "empty"),
        (b"OK", "not_json"),
        (b"<html>\n<body>hi</body>\n</html>", "not_json"),
        (b"\x00\xff{{{\n]]\n", "not_json"),
        (b'{"text": "never closed', "not_json"),
        (b"[" * 5000, "not_json"),
        (b'["text"]', "not_an_object"),
        (b'[\n  {"text": "a"}\n]', "not_an_object"),
        (b'[\n{"text": "a"}\n]', "not_an_object"),
        (b'"text"\n', "not_an_object"),
        (b"42", "not_an_object"),
        (b"null", "not_an_object"),
    ],
)
def test_anything_else_is_silence_with_a_reason(body: bytes, problem: str) -> None:
    assert read(body) == ([], problem)
    assert read(*(body[i : i + 1] for i in range(len(body)))) == ([], problem)


def test_an_object_counts_before_its_line_or_the_stream_ends() -> None:
    reader = ReplyReader()
    assert reader.feed(b'{"text": "Hi"') == []
    assert reader.feed(b"}") == [{"text": "Hi"}]
    assert reader.feed(b"\n") == []
    assert reader.feed(b'{"text"') == []
    assert reader.feed(b': "there"}\n') == [{"text": "there"}]


@given(st.lists(st.dictionaries(st.sampled_from(["text", "x"]), st.text(max_size=8)), max_size=5), st.data())
def test_cutting_the_stream_anywhere_changes_nothing(objects: list[dict[str, str]], data: st.DataObject) -> None:
    body = b"".join(json.dumps(one).encode() + b"\n" for one in objects)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=6)))
    pieces = [body[a:b] for a, b in pairwise([0, *cuts, len(body)])]
    assert read(*pieces)[0] == objects


def test_bounds() -> None:
    with pytest.raises(ReplyTooLarge):
        ReplyReader().feed(b'{"text": "' + b"x" * MAX_OBJECT_BYTES)
    with pytest.raises(ReplyTooLarge):
        ReplyReader().feed(b'{"text": "' + b"x" * MAX_OBJECT_BYTES + b'"}\n')
    with pytest.raises(ReplyTooLarge):
        read(*[b" " * 999 + b"\n"] * (MAX_REPLY_BYTES // 1000 + 1))


def test_what_an_object_means() -> None:
    assert read_chunk({"text": "Hi"}) == ("Hi", "", None, True, False, False)
    assert read_chunk({"text": "Hi", "interim": True}) == ("Hi", "", None, False, False, False)
    assert read_chunk({"text": 7, "interim": "yes", "hangup": "no", "action": None}) == (
        "",
        "",
        None,
        True,
        False,
        False,
    )
    assert read_chunk({"hangup": True}).leave == HangupPart()
    assert read_chunk({"action": "hangup"}).leave == HangupPart()
    assert read_chunk({"action": " Transfer "}).leave == TransferPart()
    assert read_chunk({"action": "transfer", "hangup": True}).leave == TransferPart()
    assert read_chunk({"action": "dance", "hangup": False}).leave is None


@pytest.mark.parametrize("name", ["digits", "press_digit", "pressDigit", "dtmf"])
def test_digits_have_aliases_and_only_keys_count(name: str) -> None:
    assert read_chunk({name: "1*#"}).digits == "1*#"
    assert read_chunk({name: 1}).digits == "1"
    assert read_chunk({name: "1-2 (w) 3"}).digits == "12w3"
    assert read_chunk({name: "<b>"}).digits == ""
    assert read_chunk({name: True}).digits == ""
    assert len(read_chunk({name: "5" * 1000}).digits) == 64


def test_a_chunk_can_be_protected_from_the_caller() -> None:
    chunk = read_chunk({"text": "This call is recorded.", "protected": True})
    assert chunk.parts("", 0.0) == [TextPart("This call is recorded.", is_protected=True)]
    assert not read_chunk({"text": "Hi", "protected": "yes"}).is_protected


def test_keys_come_first_and_leaving_last() -> None:
    chunk = read_chunk({"text": "Bye.", "digits": "1", "hangup": True})
    assert chunk.parts("", 0.0) == [DigitsPart("1"), TextPart("Bye."), HangupPart()]


@pytest.mark.parametrize(
    ("before", "text", "whole"),
    [
        ("", "Hello.", "Hello."),
        ("One moment.", "Your order shipped.", "One moment. Your order shipped."),
        ("One moment,", "let me see", "One moment, let me see"),
        ("One moment", "Your order shipped.", "One moment Your order shipped."),
        ("Okay.", "Sure.", "Okay. Sure."),
        ("Hi!", "there", "Hi! there"),
        ("Hel", "lo", "Hello"),
        ("Hello", " world", "Hello world"),
        ("Hello", ",", "Hello,"),
        ("It costs 3", ".", "It costs 3."),
        ("It costs 3.", "50", "It costs 3.50"),
        ("The U", ".", "The U."),
        ("The U.", "S", "The U.S"),
        ("Hello, how a", "re you", "Hello, how are you"),
    ],
)
def test_chunks_are_joined_as_sentences_or_as_tokens(before: str, text: str, whole: str) -> None:
    assert before + joined(before, text, quiet_s=0.01) == whole


def test_after_a_pause_a_new_word_begins() -> None:
    assert joined("Okay", "let me see", quiet_s=1.0) == " let me see"
    assert joined("Okay", ".", quiet_s=1.0) == "."
