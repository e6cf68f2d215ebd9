"""The caller makes a sound while the agent speaks."""

from __future__ import annotations

import msgspec

from parley.conversation import facts
from parley.domain.agents import Conduct
from tests.conversation.telling import HOSTED
from tests.recordings.scene import Scene, Situation, Story

QUESTION, ANSWER = "When are you open?", "We are open from nine to five on every day but Sunday."
ASKED = ("caller", QUESTION)
WHOLE = Story((ASKED, ("agent", ANSWER)))
NEVER = msgspec.structs.replace(HOSTED, conduct=Conduct(interruption_sensitivity=0.0))
GREETING = "Hello, this is Ada. This call may be recorded for training."
PROTECTED = msgspec.structs.replace(HOSTED, greeting=GREETING, conduct=Conduct(protects_greeting=True))
GERMAN = msgspec.structs.replace(HOSTED, language="de-DE")


def _resumed(cause: str, *more: str) -> Story:
    return Story(WHOLE.said, stops=tuple(("resumed", each) for each in (cause, *more)))


def _speaking(scene: Scene, for_s: float = 1.0) -> None:
    scene.says(QUESTION, after=0.5)
    scene.answers(ANSWER)
    scene.wait(for_s)


def cough(scene: Scene) -> None:
    _speaking(scene)
    scene.coughs()
    scene.wait(5)


def two_coughs(scene: Scene) -> None:
    _speaking(scene)
    scene.coughs()
    scene.wait(1)
    scene.coughs()
    scene.wait(5)


def murmur(scene: Scene) -> None:
    _speaking(scene)
    scene.says("mm-hm")
    scene.wait(5)


def two_words_of_listening(scene: Scene) -> None:
    _speaking(scene)
    scene.says("yeah, okay.")
    scene.wait(5)


def german_murmur(scene: Scene) -> None:
    _speaking(scene)
    scene.says("Ach so, genau.")
    scene.wait(5)


def echo(scene: Scene) -> None:
    _speaking(scene, 1.2)
    scene.says("we are open from nine")
    scene.wait(5)


def long_noise(scene: Scene) -> None:
    _speaking(scene)
    scene.begins_to_speak()
    scene.wait(12)


def words(scene: Scene) -> None:
    _speaking(scene, 1.1)
    scene.says("No, I mean on Sunday.")
    scene.answers("On Sunday we are closed.")
    scene.wait(3)


def twice(scene: Scene) -> None:
    _speaking(scene, 1.1)
    scene.says("No, I mean on Sunday.")
    scene.answers("On Sunday we are closed, and on holidays.")
    scene.wait(0.8)
    scene.says("And on Monday then?")
    scene.answers("On Monday from nine.")
    scene.wait(3)


def before_the_first_token(scene: Scene) -> None:
    scene.says("When are you open,", after=0.5)
    scene.wait(1.3)
    scene.says("on Sunday, I mean.")
    scene.answers("We are closed on Sunday.")
    scene.wait(3)


def late_twin(scene: Scene) -> None:
    """The same words come twice: settled, and again with the pause; the second telling must not cut the answer."""
    scene.utters("When are you open?", after=0.5)
    scene.tell(facts.WordsHeard(QUESTION, is_final=True), after=0.02)
    scene.tell(facts.WordsHeard("", is_final=True, ends_turn=True), after=0.04)
    scene.tell(facts.UtteranceEnded(), after=0.1)
    scene.answers(ANSWER)
    scene.tell(facts.UtteranceEnded(), after=0.7)
    scene.wait(5)


def word_taken_back(scene: Scene) -> None:
    """One unsettled word that the recogniser takes back again."""
    _speaking(scene)
    scene.tell(facts.WordsHeard("the"))
    scene.tell(facts.WordsHeard("", is_final=True), after=0.6)
    scene.wait(5)


def never(scene: Scene) -> None:
    _speaking(scene)
    scene.says("And on Sunday, please?")
    scene.wait(1)
    scene.answers("On Sunday we are closed.")
    scene.wait(3)


def protected_greeting(scene: Scene) -> None:
    scene.says("Are you open today?", after=0.6)
    scene.wait(2)
    scene.answers("Yes, until five.")
    scene.wait(3)


def pickup(scene: Scene) -> None:
    scene.says("Hello?", after=0.4)
    scene.wait(5)


def pause_of_the_phone(scene: Scene) -> None:
    """The carrier's stream breaks in the middle of a sentence and comes back."""
    _speaking(scene)
    scene.speaker.detach(scene.now)
    scene.tell(facts.PartLost("carrier", "media_lost"))
    scene.wait(2)
    scene.speaker.attach(scene.phone, scene.now)
    scene.tell(facts.PartRestored("carrier"))
    scene.wait(5)


SITUATIONS = (
    Situation("cough", "5: a cough stops the agent", cough, _resumed("cough")),
    Situation("two-coughs", "6: stuck after the second", two_coughs, _resumed("cough", "cough")),
    Situation("murmur", "5: mm-hm stops the agent", murmur, _resumed("backchannel")),
    Situation("words-of-listening", "5: yeah, okay", two_words_of_listening, _resumed("backchannel")),
    Situation("german-murmur", "5: in another language", german_murmur, _resumed("backchannel"), GERMAN),
    Situation("echo", "5: the phone's echo", echo, _resumed("echo")),
    Situation("long-noise", "5: a radio in the room", long_noise, _resumed("noise")),
    Situation(
        "words",
        "7, 8: cannot interrupt; what was not heard is remembered",
        words,
        Story(
            (
                ASKED,
                ("agent", "We are open from nine"),
                ("caller", "No, I mean on Sunday."),
                ("agent", "On Sunday we are closed."),
            ),
            stops=(("cut", "words"),),
        ),
    ),
    Situation(
        "twice-in-a-row",
        "6: mute after an interruption",
        twice,
        Story(
            (
                ASKED,
                ("agent", "We are open from nine"),
                ("caller", "No, I mean on Sunday."),
                ("agent", "On Sunday we"),
                ("caller", "And on Monday then?"),
                ("agent", "On Monday from nine."),
            ),
            stops=(("cut", "words"), ("cut", "words")),
        ),
    ),
    Situation(
        "before-the-first-token",
        "6: interrupted before there was an answer",
        before_the_first_token,
        Story((("caller", "When are you open, on Sunday, I mean."), ("agent", "We are closed on Sunday."))),
    ),
    Situation("late-twin", "6: the late twin of a final", late_twin, WHOLE),
    Situation("word-taken-back", "5: a word that was none", word_taken_back, WHOLE),
    Situation(
        "never-interrupted",
        "7: what was said meanwhile is lost",
        never,
        Story((ASKED, ("agent", ANSWER), ("caller", "And on Sunday, please?"), ("agent", "On Sunday we are closed."))),
        NEVER,
    ),
    Situation(
        "protected-greeting",
        "7: a greeting that has to be heard",
        protected_greeting,
        Story((("agent", GREETING), ("caller", "Are you open today?"), ("agent", "Yes, until five."))),
        PROTECTED,
    ),
    Situation(
        "picking-up",
        "25: the greeting runs into the hello",
        pickup,
        Story((("agent", GREETING),), stops=(("resumed", "backchannel"),)),
        msgspec.structs.replace(HOSTED, greeting=GREETING),
    ),
    Situation(
        "stream-breaks",
        "20: the phone's stream breaks",
        pause_of_the_phone,
        Story(WHOLE.said, problems=("carrier_lost",)),
    ),
)
