"""Whether a caller's words are the end of a turn: a finished sentence, or one that goes on."""

from __future__ import annotations

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


def looks_finished(text: str) -> bool:
    """Whether a pause after `text` may be taken for the end of the turn at once.

    True after closing punctuation, false after a comma, a dash or a word that needs another one after it. A recogniser
    that does not punctuate gets the benefit of the doubt.
    """
    stripped = text.rstrip()
    if stripped.endswith(_OPEN_END):
        return False
    if stripped.endswith(_SENTENCE_END):
        return True
    words = words_of(stripped)
    if not words:
        return True
    if len(words) == 1:
        return words[0] in _ALONE or words[0] not in _HANGING
    return words[-1] not in _HANGING or (words[-1] in _AUXILIARIES and words[-2] in _PRONOUNS)
