"""What words over the agent's speech mean: an interruption, a murmur of listening, or the agent's own echo."""

from __future__ import annotations

from parley.conversation.words import word_set, words_of

_MURMURS = word_set(
    """mm mmm mhm mmhm mhmm mm-hmm mmhmm mm-mm uh-huh uhhuh uh huh hm hmm hmmm ah aha oh ooh yeah yep yup yes right ok
    okay sure cool nice great good wow really i see got it alright fine true exactly of course"""
)
_PICKUPS = word_set("hello hi hey yes yeah yep good morning afternoon evening speaking this is hola allo hallo")


def is_murmur(text: str) -> bool:
    """Whether the words only say "I am listening"."""
    words = words_of(text)
    return 0 < len(words) <= 3 and all(word in _MURMURS for word in words)


def is_pickup(text: str) -> bool:
    """Whether the words are how people answer a phone."""
    words = words_of(text)
    return 0 < len(words) <= 4 and all(word in _PICKUPS for word in words)


def is_echo(text: str, spoken: str) -> bool:
    """Whether the words are the agent's own, come back through the caller's loudspeaker: at least three, in its order.

    `spoken` is what the phone played last. Repeating somebody's words to ask about them ("on Saturdays?") is no echo.
    """
    words = words_of(text)
    if len(words) < 3 or text.rstrip().endswith("?"):
        return False
    return f" {' '.join(words)} " in f" {' '.join(words_of(spoken))} "
