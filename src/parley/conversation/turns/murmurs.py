"""What words over the agent's speech mean: an interruption, a murmur, a farewell, or the agent's own echo."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import SequenceMatcher
from functools import lru_cache

from parley.conversation.turns.murmur_words import PICKUPS, backchannels, declines, farewells
from parley.conversation.words import WITHOUT_SPACES, count_words, words_of
from parley.domain.agents import AgentSnapshot

_MOST_MURMURS = 3
_MOST_PICKUPS = 4
_MOST_FAREWELLS = 8
_LEAST_ECHO_WORDS = 3
# A recogniser mishears an echo now and then. A caller who corrects the agent says few words, and one of them another.
_WORDS_A_MISTAKE = 5
_ALIKE = 0.78
_LEAST_PART_LETTERS = 3


class Phrases:
    """A few short phrases, and whether a text is made of nothing else."""

    def __init__(self, entries: Iterable[str], most: int) -> None:
        known = sorted({_normal(entry) for entry in entries} - {""}, key=len, reverse=True)
        either = "|".join(re.escape(entry) for entry in known)
        end = f"(?: |$|(?<=[{WITHOUT_SPACES}]))"
        self._made_of_them = re.compile(f"(?:(?:{either}){end}){{1,{most}}}") if known else None

    def make_up(self, text: str) -> bool:
        """Whether the text is one of them, or a few one after the other."""
        return self._made_of_them is not None and self._made_of_them.fullmatch(_normal(text)) is not None


@lru_cache(maxsize=512)
def _known(entries: tuple[str, ...], most: int) -> Phrases:
    """Made once for all calls of the agents that share them: it takes half a millisecond."""
    return Phrases(entries, most)


class Murmurs:
    """The words that leave the agent the floor, in its language or as the agent was told."""

    def __init__(self, agent: AgentSnapshot) -> None:
        language, chosen = agent.language, agent.conduct.backchannels
        leave = (*farewells(language), agent.name)
        self._backchannels = _known(tuple(backchannels(language) if chosen is None else chosen), _MOST_MURMURS)
        self._farewells = _known(leave, _MOST_FAREWELLS)
        self._last_words = _known((*leave, *declines(language)), _MOST_FAREWELLS)
        self._pickups = _known(tuple(PICKUPS), _MOST_PICKUPS)

    def is_backchannel(self, text: str) -> bool:
        """Whether the words only say "I am listening"."""
        return self._backchannels.make_up(text)

    def is_pickup(self, text: str) -> bool:
        """Whether the words are how people answer a phone."""
        return self._pickups.make_up(text)

    def is_farewell(self, text: str, *, ends_call: bool) -> bool:
        """Whether the words only take leave. "No, thank you" does so only where the call ends, not where it goes on
        with somebody else."""
        return (self._last_words if ends_call else self._farewells).make_up(text)


def is_echo(text: str, spoken: str, least_words: int = _LEAST_ECHO_WORDS) -> bool:
    """Whether the words are the agent's own, come back through the caller's loudspeaker: at least three, in its order.

    `spoken` is what the phone played last. An echo may begin and end inside a word, and one word in five may be
    missing, or misheard as one that is much alike. Whoever repeats the agent's words to ask about them ("on
    Saturdays?"), or puts other words beside them or in their place ("no, from nine", "Thursday at nine"), is no echo.
    """
    words = _tokens(text)
    if count_words(text) < least_words or text.rstrip().endswith(("?", "?", "؟")):
        return False
    played = _tokens(spoken)
    return any(_follows(words, played[start:]) for start in range(len(played)))


def _follows(words: list[str], played: list[str]) -> bool:
    """Whether `played` begins with these words, but for what a recogniser gets wrong."""
    at, left = 0, len(words) // _WORDS_A_MISTAKE
    for place, word in enumerate(words):
        while at < len(played) and not _is_same(word, played[at], is_edge=place in (0, len(words) - 1)):
            left -= 1
            if left < 0 or place == 0:
                return False
            if _is_alike(word, played[at]):
                break
            at += 1
        if at == len(played):
            return False
        at += 1
    return True


def _is_same(word: str, played: str, *, is_edge: bool) -> bool:
    """Whether it is the word, or, at either end of what was heard, a part of it."""
    if not is_edge or min(len(word), len(played)) < _LEAST_PART_LETTERS:
        return word == played
    longer, shorter = (word, played) if len(word) > len(played) else (played, word)
    return longer.startswith(shorter) or longer.endswith(shorter)


def _is_alike(word: str, played: str) -> bool:
    return SequenceMatcher(None, word, played).ratio() >= _ALIKE


def _tokens(text: str) -> list[str]:
    """Words; where a script has no spaces between them, characters."""
    return [part for word in words_of(text) for part in (word if _is_without_spaces(word) else (word,))]


def _normal(text: str) -> str:
    """Words with one space between them, and none where their script has none."""
    return re.sub(f"(?<=[{WITHOUT_SPACES}]) | (?=[{WITHOUT_SPACES}])", "", " ".join(words_of(text)))


def _is_without_spaces(word: str) -> bool:
    return re.match(f"[{WITHOUT_SPACES}]", word) is not None
