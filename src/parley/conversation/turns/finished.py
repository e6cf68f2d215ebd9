"""Whether a caller's words are the end of a turn: a finished sentence, or one that goes on."""

from __future__ import annotations

from enum import Enum

from parley.conversation.turns.dictation import Missing, missing
from parley.conversation.words import word_set, words_of

_SENTENCE_END = (".", "?", "!", "。", "?", "!", "।", "؟")
_OPEN_END = (",", ":", ";", "-", "—", "–", "…", "...", "、")

# A sentence that stops on one of these goes on: nobody ends a turn there. English first; a few that carry over.
_HANGING = word_set(
    """a an the and or but so because if when while which who whose than then as of to for from with without
    about at by in into on onto over under between through during before after until since near my your his her its
    our their some any every each no not very really just also even only like is are was were be
    been am will would can could should may might must shall do does did have has had i he she we they i'm i'd
    i'll i've it's that's there's what's who's let's you're we're they're um uh uhm er erm hmm well maybe perhaps
    please can't don't won't y o pero que de para con por mi un una el la los las und oder aber dass weil mit für von
    zu ein eine der die das et ou mais pour avec mon ma une le les des"""
)
# Complete answers although they stand in the list above: alone, or ("yes, it is", "I do") behind a pronoun.
_ALONE = word_set("no please maybe perhaps um uh hmm not every each all")
_AUXILIARIES = word_set("is are was were am do does did have has had will would can could should may might must")
_PRONOUNS = word_set("i you he she it we they that this there")


# Answers that need nothing more, in the languages of western Europe; with others of them they are one still.
_ANSWERS = word_set(
    """yes yeah yep yup no nope nah sure ok okay correct right exactly absolutely definitely thanks thank you please
    never today tonight tomorrow monday tuesday wednesday thursday friday saturday sunday morning afternoon evening
    sí claro gracias vale mañana hoy oui non merci demain ja nein doch danke bitte genau morgen heute sì grazie certo
    domani oggi sim não obrigado obrigada amanhã hoje nee dank je bedankt graag vandaag perfect great"""
)
_ANSWER_WORDS = 3
# A recogniser sets a full stop wherever somebody pauses; behind one of these it is none.
_NEVER_LAST = word_set(
    """a an the and or but because my your our their und oder aber weil et mais ou avec pero porque con y e ma en maar
    der ein eine un une uma um een"""
)


class Ending(Enum):
    """What the last words say about the turn."""

    ANSWER = "the words are a short complete answer"
    FINISHED = "the words may be the end"
    UNFINISHED = "the sentence is not finished"
    MAYBE_DICTATED = "a number, name or address may go on"
    DICTATED = "a number, name or address is not complete"


def ending_of(text: str, question: str = "", language: str = "") -> Ending:
    """How `text` ends, said in answer to `question` of the agent in the language of the tag `language`."""
    gap = missing(text, question, language)
    if gap is not Missing.NOTHING:
        return Ending.DICTATED if gap is Missing.MORE else Ending.MAYBE_DICTATED
    if not looks_finished(text):
        return Ending.UNFINISHED
    words = words_of(text)
    return Ending.ANSWER if 0 < len(words) <= _ANSWER_WORDS and _ANSWERS.issuperset(words) else Ending.FINISHED


def looks_finished(text: str) -> bool:
    """Whether `text` may be the end of what somebody says, as a sentence.

    True after closing punctuation, false after a comma, a dash or a word that needs another one after it. A recogniser
    that does not punctuate gets the benefit of the doubt.
    """
    stripped = text.rstrip()
    if stripped.endswith(_OPEN_END):
        return False
    words = words_of(stripped)
    if stripped.endswith(_SENTENCE_END):
        return not (stripped.endswith(".") and len(words) > 1 and words[-1] in _NEVER_LAST)
    if not words:
        return True
    if len(words) == 1:
        return words[0] in _ALONE or words[0] not in _HANGING
    return words[-1] not in _HANGING or (words[-1] in _AUXILIARIES and words[-2] in _PRONOUNS)
