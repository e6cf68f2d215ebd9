"""Silence, stories, keys: what happens between questions and answers."""

from __future__ import annotations

import msgspec

from parley.conversation import facts, lines, wishes
from parley.domain.agents import Conduct, KeyEntry
from tests.conversation.telling import HOSTED, WEBHOOK
from tests.recordings.scene import Scene, Situation, Story

QUESTION = "When are you open?"
ASKED = ("caller", QUESTION)
FIRST, SECOND, THIRD, *_ = lines.fillers("en")
CHECK_IN = lines.check_in("en")
LISTENS = msgspec.structs.replace(HOSTED, conduct=Conduct(gives_backchannel=True))
IMPATIENT = msgspec.structs.replace(HOSTED, conduct=Conduct(monologue_s=8.0))
PIN = msgspec.structs.replace(HOSTED, conduct=Conduct(keys=KeyEntry(count=4, is_hidden=True)))
STORY = (
    "I bought a bread machine from you last week,",
    "and on the first day it worked very well,",
    "but then on the second day it began to smoke,",
    "and my neighbour came over to see what was wrong,",
    "so now I would like my money back.",
)


def late_model(scene: Scene) -> None:
    scene.says(QUESTION, after=0.5)
    scene.wait(2.5)
    scene.answers("From nine to five.")
    scene.wait(3)


def late_webhook(scene: Scene) -> None:
    """Fillers, never the same twice in a row, and ever less often: the line never sounds dead."""
    scene.wait(2)
    scene.says(QUESTION)
    scene.wait(12)
    scene.answers("From nine to five.")
    scene.wait(3)


def silent_caller(scene: Scene) -> None:
    scene.wait(90)


def back_again(scene: Scene) -> None:
    scene.wait(17)
    scene.says("Yes, sorry, I am here.")
    scene.answers("Good.")
    scene.wait(2)


def long_story(scene: Scene) -> None:
    """The agent shows that it listens, and none of that is a turn."""
    for clause in STORY[:-1]:
        scene.says(clause, after=0.5, ends=False)
    scene.says(STORY[-1], after=0.5)
    scene.answers("I am sorry to hear that.")
    scene.wait(3)
    assert scene.all(wishes.Murmur)


def talks_without_end(scene: Scene) -> None:
    for clause in STORY:
        scene.says(clause, after=0.3, ends=False)
        if len(scene.all(wishes.AskReply)):
            break
    scene.wait(0.2)
    scene.answers("Your machine smokes?")
    scene.wait(4)


def thinks_better_of_a_word(scene: Scene) -> None:
    """Cut short in mid-word, the caller goes on; the recogniser tells all of it again, with that word right."""
    words = " ".join(STORY).split()
    scene.begins_to_speak(after=0.5)
    for count in range(1, 24):
        scene.tell(facts.WordsHeard(" ".join([*words[: count - 1], words[count - 1][:3]])), after=0.4)
    scene.tell(facts.VoicePaused(0.06))
    scene.tell(facts.VoiceResumed(), after=0.1)
    scene.tell(facts.WordsHeard(" ".join(words[:25])), after=0.4)
    scene.falls_quiet()
    scene.tell(facts.WordsHeard(f"{' '.join(words[:25])}.", is_final=True, ends_turn=True), after=0.1)
    scene.wait(2)
    scene.answers("Your machine smokes?")
    scene.wait(3)


def menu(scene: Scene) -> None:
    scene.presses("12#", after=1)
    scene.answers("Twelve.")
    scene.wait(2)


def keys_into_speech(scene: Scene) -> None:
    scene.says(QUESTION, after=0.5)
    scene.answers("We are open from nine to five on every day but Sunday.")
    scene.presses("0", after=1.1)
    scene.wait(1.6)
    scene.answers("You pressed zero.")
    scene.wait(3)


def secret_keys(scene: Scene) -> None:
    scene.presses("4711", after=1)
    scene.answers("Thank you.")
    scene.wait(2)


def agent_presses(scene: Scene) -> None:
    """Its answer, then real tones."""
    scene.says("For sales press one.", after=0.5)
    scene.tell(facts.ReplyDigits(scene.asked, "1"), after=0.3)
    scene.tell(facts.ReplyDone(scene.asked))
    scene.wait(2)
    assert scene.all(wishes.PressDigits)


def transfer_returns(scene: Scene) -> None:
    """Nobody took the call: the agent has its caller again."""
    scene.tell(facts.TransferReturned("busy"))
    scene.wait(5)
    scene.says("Then tell me when you are open.")
    scene.answers("From nine to five.")
    scene.wait(3)


def no_words_of_voice(scene: Scene) -> None:
    """A recogniser that hears nothing is replaced, and the next one is given what was said."""
    scene.begins_to_speak(after=0.5)
    scene.wait(1.5)
    scene.falls_quiet()
    scene.wait(2.5)
    assert scene.all(wishes.ReplacePart)
    scene.tell(facts.PartReplaced("speech_to_text", "stalled"))
    scene.tell(facts.WordsHeard(QUESTION, is_final=True, ends_turn=True), after=0.3)
    scene.answers("From nine to five.")
    scene.wait(3)


def supervisor(scene: Scene) -> None:
    """A human takes the call in the middle of an answer, and gives it back."""
    scene.says(QUESTION, after=0.5)
    scene.answers("We are open from nine to five on every day but Sunday.")
    scene.wait(1.1)
    scene.tell(facts.TakeOverAsked("ann", 10.0))
    scene.tell(facts.HumanHeard("This is Ann, I can help."), after=2)
    scene.says("Great, are you open today?")
    scene.tell(facts.HandBackAsked("Ann has helped.", "I am back."), after=1)
    scene.wait(2)


def too_long(scene: Scene) -> None:
    scene.wait(28)
    scene.says(QUESTION)
    scene.answers("We are open from nine to five on every day but Sunday.")
    scene.wait(15)


SITUATIONS = (
    Situation("late-model", "2: dead air", late_model, Story((ASKED, ("agent", f"{FIRST} From nine to five.")))),
    Situation(
        "late-webhook",
        "2: dead air",
        late_webhook,
        Story((("agent", "Hello, this is Bob."), ASKED, ("agent", f"{FIRST} {SECOND} {THIRD} From nine to five."))),
        WEBHOOK,
    ),
    Situation(
        "silence",
        "18: a call that never ends",
        silent_caller,
        Story(
            (
                ("agent", CHECK_IN),
                ("agent", "I can't hear you. Is anybody on the line?"),
                ("agent", lines.silence_goodbye("en")),
            ),
            end="silence",
        ),
    ),
    Situation(
        "comes-back",
        "18: hung up on somebody who was there",
        back_again,
        Story((("agent", CHECK_IN), ("caller", "Yes, sorry, I am here."), ("agent", "Good."))),
    ),
    Situation(
        "long-story",
        "5: a listener who makes no sound, or takes a turn with it",
        long_story,
        Story((("caller", " ".join(STORY)), ("agent", "I am sorry to hear that."))),
        LISTENS,
    ),
    Situation(
        "monologue",
        "2: nobody can get a word in",
        talks_without_end,
        Story((("caller", " ".join(STORY[:3])), ("agent", f"{lines.cut_in('en')} Your machine smokes?"))),
        IMPATIENT,
    ),
    Situation(
        "better-word",
        "6: words that are in the transcript twice",
        thinks_better_of_a_word,
        Story(
            (
                ("caller", f"{STORY[0]} {STORY[1]} but then on the sec"),
                ("agent", lines.cut_in("en")),
                ("caller", "second day it."),
                ("agent", "Your machine smokes?"),
            )
        ),
        IMPATIENT,
    ),
    Situation("menu", "19: keys", menu, Story((("caller", "[pressed 12]"), ("agent", "Twelve.")))),
    Situation(
        "keys-into-speech",
        "19: keys in mid-speech",
        keys_into_speech,
        Story(
            (ASKED, ("agent", "We are open from nine to"), ("caller", "[pressed 0]"), ("agent", "You pressed zero.")),
            stops=(("cut", "keys"),),
        ),
    ),
    Situation(
        "secret-keys",
        "19: keys that nobody may see",
        secret_keys,
        Story((("caller", "[pressed 4 hidden keys]"), ("agent", "Thank you."))),
        PIN,
    ),
    Situation(
        "agent-presses", "19: pressing a menu's keys", agent_presses, Story((("caller", "For sales press one."),))
    ),
    Situation(
        "transfer-returns",
        "12: a transfer that nobody takes",
        transfer_returns,
        Story(
            (
                ("agent", lines.nobody_took_it("en")),
                ("caller", "Then tell me when you are open."),
                ("agent", "From nine to five."),
            )
        ),
    ),
    Situation(
        "no-words",
        "20: a recogniser that accepts audio and says nothing",
        no_words_of_voice,
        Story((ASKED, ("agent", "From nine to five.")), problems=("speech_to_text_replaced",)),
    ),
    Situation(
        "supervisor",
        "8: who said what",
        supervisor,
        Story(
            (
                ASKED,
                ("agent", "We are open from nine"),
                ("human", "This is Ann, I can help."),
                ("caller", "Great, are you open today?"),
                ("agent", "I am back."),
            )
        ),
    ),
    Situation(
        "too-long",
        "18: an end in mid-sentence",
        too_long,
        Story(
            (
                ("agent", CHECK_IN),
                ASKED,
                ("agent", "We are open from nine to five on every day"),
                ("agent", lines.time_goodbye("en")),
            ),
            end="max_duration",
        ),
        msgspec.structs.replace(HOSTED, max_call_duration_s=32.0),
    ),
)
