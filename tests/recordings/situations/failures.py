"""A part hangs, breaks or lies."""

from __future__ import annotations

from parley.conversation import facts
from parley.conversation.lines import CLIP_TEXTS
from tests.conversation.telling import WEBHOOK
from tests.recordings.scene import Scene, Situation, Story

QUESTION = "When are you open?"
ASKED = ("caller", QUESTION)
APOLOGY = CLIP_TEXTS["apology"]
BEGUN = "Let me see. "


def model_stalls(scene: Scene) -> None:
    """It stops in mid-answer: what was heard stays, and the caller is told."""
    scene.says(QUESTION, after=0.5)
    scene.begins_to_answer(BEGUN)
    scene.wait(9)


def model_fails_twice(scene: Scene) -> None:
    scene.says(QUESTION, after=0.5)
    scene.tell(facts.ReplyFailed(scene.asked, "connect_failed"), after=0.2)
    scene.tell(facts.ReplyFailed(scene.asked, "connect_failed"), after=0.2)
    scene.wait(5)


def webhook_fails(scene: Scene) -> None:
    """By contract the failure of a customer's webhook is silence for the turn, and the call goes on."""
    scene.wait(3)
    scene.says(QUESTION)
    scene.tell(facts.ReplyFailed(scene.asked, "http_status", silent=True), after=0.3)
    scene.says("Hello?", after=1.5)
    scene.answers("I am here.")
    scene.wait(2)


def recogniser_lost(scene: Scene) -> None:
    """Its connection breaks and comes back; the words said meanwhile are told late, and are answered."""
    scene.tell(facts.PartLost("speech_to_text", "connection"), after=0.5)
    scene.coughs(after=0.2, for_s=1.2)
    scene.tell(facts.PartRestored("speech_to_text"), after=0.3)
    scene.tell(facts.WordsHeard(QUESTION, is_final=True, ends_turn=True), after=0.3)
    scene.answers("From nine to five.")
    scene.wait(3)


def recogniser_gone(scene: Scene) -> None:
    scene.tell(facts.PartLost("speech_to_text", "connection"), after=0.5)
    scene.wait(8)
    scene.tell(facts.PartFailed("speech_to_text", "gave_up"))
    scene.wait(12)


def stale_reply(scene: Scene) -> None:
    """What comes of a reply that was cancelled is dropped."""
    scene.says(QUESTION, after=0.5)
    first = scene.asked
    scene.says("On Sunday, I mean.", after=0.4)
    scene.tell(facts.ReplyText(first, "From nine to five."), facts.ReplyDone(first), after=0.1)
    scene.answers("Never on Sunday.")
    scene.wait(3)


SITUATIONS = (
    Situation(
        "webhook-fails",
        "21: silence that nobody explains",
        webhook_fails,
        Story(
            (("agent", "Hello, this is Bob."), ASKED, ("caller", "Hello?"), ("agent", "I am here.")),
            problems=("http_status",),
        ),
        WEBHOOK,
    ),
    Situation(
        "recogniser-back",
        "20: words said while nobody listened",
        recogniser_lost,
        Story((ASKED, ("agent", "From nine to five.")), problems=("speech_to_text_lost",)),
    ),
    Situation(
        "stale-reply",
        "8: a cancelled answer is spoken",
        stale_reply,
        Story((("caller", "When are you open? On Sunday, I mean."), ("agent", "Never on Sunday."))),
    ),
)
