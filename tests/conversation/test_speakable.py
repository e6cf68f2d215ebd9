import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from parley.conversation.answering.speakable import Speakable
from parley.conversation.answering.unspoken import MAX_DROPPED
from tests.searching import tries


def say(*chunks: str) -> str:
    speakable = Speakable()
    return "".join([speakable.feed(chunk) for chunk in chunks]) + speakable.finish()


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ('Sure. <function_call>{"name": "x"}</function_call> Done.', "Sure. Done."),
        ('<tool_call>\n{"name": "find", "arguments": {"a": "</b>"}}\n</tool_call>One moment.', "One moment."),
        ("<thinking>They ask <b>again</b>.</thinking>Yes.", "Yes."),
        ("<think>a<think>b</think>c</think>Yes.", "Yes."),
        ('<function_calls><invoke name="f"><parameter name="q">1</parameter></invoke></function_calls>Hi', "Hi"),
        ("<function=search>{}</function>Hi", "Hi"),
        ('<invoke name="f" />Hi', "Hi"),
        ("<TOOL_CALL>x</Tool_Call >Hi", "Hi"),
        ("Hello<br/>there, <b>you</b>.", "Hello there, you."),
        ('<speak>Hi <say-as interpret-as="date">May 5</say-as></speak>', "Hi May 5"),
        ("Well<|im_end|>", "Well"),
        ("<!-- note > to self -->Hi", "Hi"),
        ("Run this:\n```python\nprint('<b>')\n```\nThen call back.", "Run this:\n\nThen call back."),
        ("Say `help` or ``more``.", "Say help or more."),
        ('I will look. {"name": "find", "arguments": {"q": "a } b", "n": [1]}} Found.', "I will look. Found."),
        ('[{"name": "find"}, {"name": "x"}] Found.', "Found."),
        ('[TOOL_CALLS] [{"name": "f"}]', ""),
        ("This is **very** important, *really* and __so__ _on_.", "This is very important, really and so on."),
        ("***All*** of it", "All of it"),
        ("## Hours\n- Monday\n* Tuesday\n+ Friday\n• Sunday", "Hours\nMonday\nTuesday\nFriday\nSunday"),
        ("One\n---\nTwo", "One\n\nTwo"),
        ("> Quoted", "Quoted"),
        ("1. First\n2. Second", "1. First\n2. Second"),
        ("See [our site](https://example.com/a_(b)?c=d) now.", "See our site now."),
        ("See ![**map**](https://example.com/map.png).", "See !map."),
        ("Go to https://www.example.com/a/b?c=d. Or http://example.org!", "Go to example.com. Or example.org!"),
        ("Mail me at john_doe@example.com", "Mail me at john_doe@example.com"),
    ],
)
def test_markup_and_machine_talk_are_not_spoken(text: str, spoken: str) -> None:
    assert say(text) == spoken
    assert say(*text) == spoken


@pytest.mark.parametrize(
    "text",
    [
        "a < b and b > c",
        "3 <5, 3<5 and 5>3",
        "I <3 you",
        "if x <y then",
        "x <y",
        "2 * 3 is 6, and 2*3 too",
        "Press * or #, or *67, or 5*.",
        "Your code is 1*#",
        "-5 degrees, +1 415 555, #1 choice",
        "snake_case stays",
        "a {name} here, {1, 2}",
        "he has [sic] nothing, press [1]",
        "That costs $5 & more; e.g. 50% off... (really) – “yes”!",
        "h ht htt http https hello",
        "ähnlich, 日本語。",
        "  spaced   out\n\n text ",
        "",
    ],
)
def test_plain_text_survives(text: str) -> None:
    assert say(text) == text
    assert say(*text) == text


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("Okay. <tool_ca", "Okay. "),
        ("Okay. <tool_call>{", "Okay. "),
        ('Okay. {"name": "f', "Okay. "),
        ("Okay. ```pyth", "Okay. "),
        ("See [our si", "See [our si"),
        ("See [our site](https://exam", "See our site"),
        ("Well, `", "Well, "),
        ("Well <", "Well <"),
    ],
)
def test_what_the_end_cuts_in_two_is_dropped_if_it_was_surely_markup(text: str, spoken: str) -> None:
    assert say(text) == spoken
    assert say(*text) == spoken


def test_words_are_released_with_the_chunk_that_brings_them() -> None:
    speakable = Speakable()
    for chunk in (
        "Hello",
        " there,",
        " how",
        " are you today? a <",
        " b",
        " *",
        " [",
        "note]",
        " **",
        "bold",
        "** `",
        "x",
    ):
        out = speakable.feed(chunk)
        held = chunk.strip() in {"*", "[", "**", "** `", "note]"}
        assert out or held, chunk
    assert speakable.feed("? Then") == "? Then"


@pytest.mark.parametrize("opening", ["<thinking>", "```", '{"name":', "<!--"])
def test_a_stretch_that_is_never_closed_ends_after_its_bound(opening: str) -> None:
    spoken = say("Hi. " + opening, "y" * MAX_DROPPED, "back again")
    assert spoken == "Hi. back again"


@pytest.mark.parametrize("opening", ["<a ", "[", "[x](", "https://", "<|", "`", "{"])
def test_what_waits_is_bounded(opening: str) -> None:
    speakable = Speakable()
    fed = opening + "y" * 100_000
    out = speakable.feed(fed)
    assert len(fed) - len(out) < 3_000


def test_a_giant_chunk_of_marks_is_quick() -> None:
    for mark in ("<", "[", "*", "`", "_", "{", "|", "h", "<a ", "[{", "\n#", "](", '{"'):
        say(mark * (60_000 // len(mark)))


_PIECES = st.sampled_from(
    [
        *"<>/=`*_[](){}|#-+ \n\"':,.!\\ab1h",
        *(
            "<b>",
            "</b>",
            "<think",
            "<think>",
            "</think>",
            "<tool_call>",
            "</tool_call>",
            '<a b="c">',
            "<|",
            "|>",
            "<!--",
        ),
        *("-->", "```", '{"a":', '[{"a":', "http", "https://", "://", "www.", "](", "[x](", "**", "__", "\n- ", "\n# "),
        *("word ", "two words", "---", "1*", "é"),
    ]
)


@tries(600)
@given(st.lists(_PIECES, max_size=30).map("".join), st.lists(st.integers(0, 120), max_size=12))
@example("https://a.b/c](", [3])
def test_how_the_text_is_cut_into_chunks_changes_nothing(text: str, cuts: list[int]) -> None:
    places = sorted({min(cut, len(text)) for cut in cuts})
    chunks = [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]
    assert say(*chunks) == say(text) == say(*text)


@tries(300)
@given(st.text(st.characters(codec="utf-8", exclude_characters="<`*_[{|#-+>h•◦▪‣"), max_size=80))
def test_text_without_any_mark_passes_at_once(text: str) -> None:
    assert Speakable().feed(text) == text
