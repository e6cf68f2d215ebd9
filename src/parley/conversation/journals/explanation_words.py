"""The words for every fact, wish and deadline. A new one without words here is a test that fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from parley.conversation import facts, wishes
from parley.conversation.lines import CLIP_TEXTS

_PARTS = {
    "speech_to_text": "the recogniser",
    "text_to_speech": "the voice",
    "responder": "whoever answers",
    "carrier": "the phone's stream",
}


def fact_in_words(fact: facts.AnyFact) -> str:
    """What happened, as a sentence."""
    return _FACTS[type(fact)](fact)


def wish_in_words(wish: wishes.AnyWish) -> str:
    """What is to be done about it."""
    return _WISHES[type(wish)](wish)


def deadline_in_words(name: str) -> str:
    """What is done when that deadline comes."""
    return _DEADLINES.get(name, name)


def _ago(seconds: float) -> str:
    return f", {seconds * 1000:.0f} ms ago" if seconds else ""


def _words(fact: facts.WordsHeard) -> str:
    kind = "settled" if fact.is_final else "not settled yet"
    if fact.ends_turn:
        kind += ", and the recogniser is certain that the turn is over" if fact.turn_is_certain else ", then a pause"
    elif fact.may_end_turn:
        kind += ", and the turn may be over"
    return f"The caller is heard saying “{fact.text}” ({kind})."


def _text(fact: facts.ReplyText) -> str:
    return f"Text of line {fact.reply}: “{fact.text}”."


_FACTS: dict[type, Callable[[Any], str]] = {
    facts.CallPrepared: lambda fact: "The call exists; nobody listens yet.",
    facts.CallConnected: lambda fact: "The phone is connected.",
    facts.VoiceStarted: lambda fact: f"The caller began to make sound{_ago(fact.ago_s)}.",
    facts.VoicePaused: lambda fact: f"The caller's sound fell quiet{_ago(fact.ago_s)}.",
    facts.VoiceResumed: lambda fact: "The caller's sound goes on.",
    facts.VoiceStopped: lambda fact: f"The caller's sound ended{_ago(fact.ago_s)}.",
    facts.WordsHeard: _words,
    facts.UtteranceEnded: lambda fact: "The recogniser has heard no word for its whole gap.",
    facts.TurnJudged: lambda fact: f"The end-of-turn model thinks it is over with {fact.probability:.0%}.",
    facts.ReplyText: _text,
    facts.ReplyDigits: lambda fact: f"Line {fact.reply} wants keys pressed.",
    facts.ReplyHangup: lambda fact: f"Line {fact.reply} wants to hang up.",
    facts.ReplyTransfer: lambda fact: f"Line {fact.reply} wants the caller transferred.",
    facts.ReplySilent: lambda fact: f"Line {fact.reply} is to say nothing.",
    facts.ReplyRefused: lambda fact: f"Line {fact.reply} wants what it may not do ({fact.code}).",
    facts.ReplyDone: lambda fact: f"Line {fact.reply} is complete.",
    facts.ReplyFailed: lambda fact: f"Line {fact.reply} failed ({fact.reason}).",
    facts.SpeechSynthesised: lambda fact: f"The voice has the first sound of line {fact.reply}.",
    facts.SpeechStarted: lambda fact: f"The first sound of line {fact.reply} left for the phone.",
    facts.SpeechHeard: lambda fact: f"The phone has played {fact.chars} characters of line {fact.reply}.",
    facts.SpeechStarved: lambda fact: (
        f"The phone has nothing left to play, and the voice owes more of line {fact.reply}."
    ),
    facts.SpeechEnded: lambda fact: f"All of line {fact.reply} was heard.",
    facts.SpeechFailed: lambda fact: f"The voice could not say line {fact.reply} ({fact.reason}).",
    facts.KeyPressed: lambda fact: "The caller pressed a key.",
    facts.PartLost: lambda fact: f"Lost: {_PARTS[fact.part]} ({fact.reason}); it is mending itself.",
    facts.PartRestored: lambda fact: f"Back again: {_PARTS[fact.part]}.",
    facts.PartFailed: lambda fact: f"Gone for good: {_PARTS[fact.part]} ({fact.reason}).",
    facts.PartReplaced: lambda fact: f"Another provider took over: {_PARTS[fact.part]} ({fact.reason}).",
    facts.TransferReturned: lambda fact: f"The transfer came to nothing ({fact.outcome}); the caller is back.",
    facts.EndAsked: lambda fact: f"Somebody asked for the end ({fact.reason}).",
    facts.SayAsked: lambda fact: f"Somebody asked the agent to say “{fact.text}”.",
    facts.Whispered: lambda fact: "A supervisor whispered to the agent.",
    facts.TakeOverAsked: lambda fact: "A human takes the agent's place.",
    facts.HandBackAsked: lambda fact: "The human gives the call back.",
    facts.HumanHeard: lambda fact: f"The human in the agent's place said “{fact.text}”.",
    facts.TransferAsked: lambda fact: "Somebody asked for a transfer.",
    facts.HungUp: lambda fact: f"The call is over ({fact.reason}).",
}


def _asked(wish: wishes.AskReply) -> str:
    early = "early, as the caller has probably finished: " if wish.is_early else ""
    return f"ask {early}for line {wish.reply}, an answer to turn {wish.turn}"


def _noted(wish: wishes.NoteTurn) -> str:
    said = f"caller “{wish.caller}”" if wish.caller else "unasked"
    cut = ", cut short" if wish.was_cut else ""
    return f"write down row {wish.row}: {said}; agent “{wish.agent or ''}”{cut}"


_WISHES: dict[type, Callable[[Any], str]] = {
    wishes.AskReply: _asked,
    wishes.ConfirmReply: lambda wish: f"the turn is over: line {wish.reply}, asked for early, is the answer",
    wishes.RetryReply: lambda wish: f"ask for line {wish.reply} once more",
    wishes.CancelReply: lambda wish: f"stop asking for line {wish.reply} ({wish.reason})",
    wishes.Say: lambda wish: f"say in line {wish.reply}: “{wish.text}”",
    wishes.Murmur: lambda wish: f"show with “{wish.text}” that somebody listens",
    wishes.FinishSaying: lambda wish: f"line {wish.reply} has no more text",
    wishes.HoldBack: lambda wish: f"let the voice prepare line {wish.reply}, and play nothing of it yet",
    wishes.LetOut: lambda wish: f"play what was prepared of line {wish.reply}",
    wishes.RetrySpeech: lambda wish: f"have line {wish.reply} spoken again over a fresh connection",
    wishes.HoldSpeech: lambda wish: "fall silent at once, and keep what was not heard",
    wishes.ResumeSpeech: lambda wish: "go on speaking from where the caller stopped hearing",
    wishes.StopSpeech: lambda wish: f"fall silent, and forget the rest of line {wish.reply}",
    wishes.PlayClip: lambda wish: f"play the recording “{CLIP_TEXTS[wish.clip]}”",
    wishes.PressDigits: lambda wish: "press keys",
    wishes.TransferTo: lambda wish: "transfer the caller",
    wishes.OpenMicrophone: lambda wish: "let the human be heard",
    wishes.CloseMicrophone: lambda wish: "let the human be heard no more",
    wishes.EndCall: lambda wish: f"hang up ({wish.reason})",
    wishes.NoteTurn: _noted,
    wishes.NoteInterruption: lambda wish: (
        f"write down: {wish.outcome} ({wish.cause}), silent after {wish.stopped_ms:.0f} ms"
    ),
    wishes.NoteProblem: lambda wish: f"write down the problem {wish.code}",
    wishes.JudgeTurn: lambda wish: "ask the end-of-turn model",
    wishes.ReplacePart: lambda wish: f"let another provider take over from {_PARTS[wish.part]} ({wish.reason})",
}

_DEADLINES = {
    "turn": "the caller's turn is over",
    "phrase": "words held back for company go to the voice",
    "reply_retry": "an answer that has not begun is asked for again",
    "bridge": "the caller is asked for a moment",
    "reply_limit": "an answer that has not begun is given up",
    "stall": "an answer that stopped in the middle is given up",
    "speech": "the voice has owed sound for too long",
    "held": "nothing spoke against going on",
    "give_way": "the caller's sound has lasted long enough to give way to",
    "sound": "the sound has gone on too long to be speech",
    "false_alarm": "it was no interruption, since no words came",
    "keys": "no more keys follow",
    "deaf": "the caller is told that nobody hears them",
    "deaf_limit": "the caller has held the line long enough, and nobody hears them",
    "unheard": "another recogniser is asked, since no words came of the caller's voice",
    "media": "the phone's stream did not come back",
    "silence": "nobody has spoken for a long time",
    "filler": "not a word of the answer has come",
    "filler_sound": "the voice should have made a sound of the filler by now",
    "monologue": "the caller has talked for a very long time",
    "murmur": "the caller's pause is long enough for a sound of listening",
    "murmur_sound": "the voice should have made that sound by now",
    "max": "the call has reached its longest time",
    "goodbye": "the goodbye must have been heard by now",
    "stuck": "the line has made no progress at all",
    "transfer": "nothing was heard of the transfer",
    "take_over": "the human has not been heard of for too long",
}
