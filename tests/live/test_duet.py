"""Conversation and speaker together: whatever happened before, a caller who asks is answered, and nothing hangs."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from parley.conversation import facts, wishes
from parley.conversation.states import Agent
from tests.conversation.telling import WEBHOOK
from tests.live.doubles import PlayingPhone
from tests.live.duet import Duet
from tests.searching import tries


def test_a_caller_who_goes_on_before_the_answer_has_a_word_is_answered_aloud() -> None:
    call = Duet()
    call.connect()
    call.says("When are you open?", after=0.5)
    call.says("On Sunday, I mean.", after=0.2)
    call.answers("From nine to five.", after=0.2)
    call.wait(3)
    assert call.conversation.history()[-1].text == "From nine to five."
    assert call.problems() == []


def test_keys_waiting_in_a_hold_do_not_mute_the_next_answer() -> None:
    call = Duet(WEBHOOK)
    call.connect()
    call.says("For sales, press one.", after=2)
    reply = call.all(wishes.AskReply)[-1].reply
    call.tell(facts.VoiceStarted(), after=0.1)
    call.tell(facts.ReplyDigits(reply, "1"), after=0.1)
    call.tell(facts.WordsHeard("For billing, press two.", is_final=True, ends_turn=True), after=0.2)
    call.answers("Two it is.", after=0.2)
    call.wait(3)
    assert call.conversation.history()[-1].text == "Two it is."


def test_a_voice_that_falls_silent_after_a_pause_of_the_model_is_retried_and_apologised_for() -> None:
    call = Duet()
    call.connect()
    call.says("When are you open?", after=0.5)
    call.tell(facts.ReplyText(1, "Let me see. "), after=0.2)
    call.wait(2)
    call.voice_works = False
    call.answers("We are open every day.")
    call.wait(3)
    assert call.voice.retried == [1]
    assert [wish.clip for wish in call.all(wishes.PlayClip)] == ["apology"]


def test_a_line_asked_for_in_the_middle_of_an_answer_follows_it() -> None:
    call = Duet()
    call.connect()
    call.says("Tell me a story.", after=0.5)
    call.tell(facts.ReplyText(1, "Once upon a time there was a king in a land far, far away. "), after=0.2)
    call.tell(facts.SayAsked("Your taxi is here."), after=0.3)
    call.wait(3)
    call.answers("The end. ")
    call.wait(4)
    assert [line.text for line in call.conversation.history()[-2:]] == [
        "Once upon a time there was a king in a land far, far away. The end.",
        "Your taxi is here.",
    ]
    assert call.problems() == []


_FACTS: dict[str, facts.AnyFact] = {
    "sound": facts.VoiceStarted(),
    "quiet": facts.VoiceStopped(ago_s=0.2),
    "word": facts.WordsHeard("Well"),
    "words": facts.WordsHeard("Well then what"),
    "final": facts.WordsHeard("What about Sunday?", is_final=True, ends_turn=True),
    "murmur": facts.WordsHeard("Mm-hmm.", is_final=True, ends_turn=True),
    "say": facts.SayAsked("A line."),
    "key": facts.KeyPressed("1"),
}
_acts = st.sampled_from([*_FACTS, "answer", "part", "digits", "break"])


def _do(call: Duet, act: str) -> None:
    reply = asked[-1].reply if (asked := call.all(wishes.AskReply)) else 0
    if act in _FACTS:
        call.tell(_FACTS[act])
    elif act == "answer":
        call.tell(facts.ReplyText(reply, "We are open. "), facts.ReplyDone(reply))
    elif act == "part":
        call.tell(facts.ReplyText(reply, "We are "))
    elif act == "digits":
        call.tell(facts.ReplyDigits(reply, "1"))
    else:
        call.speaker.detach(call.now)
        call.tell(facts.PartLost("carrier", "media_lost"), facts.VoiceStopped(), after=0.0)
        call.wait(0.5)
        again = PlayingPhone(call.speaker.played)
        again.now, call.phone = call.now, again
        call.speaker.attach(again, call.now)
        call.tell(facts.PartRestored("carrier"))


@tries(150)
@given(st.lists(st.tuples(_acts, st.floats(0, 1.5)), max_size=14))
@example(  # twelve rounds of answering end as the agent begins to ask whether anybody is there
    [("final", 0.0), ("part", 1.0), ("sound", 1.0), ("sound", 1.0), ("murmur", 1.3125), ("sound", 0.09375)]
)
def test_whatever_happened_before_a_caller_who_asks_is_answered(acts: list[tuple[str, float]]) -> None:
    call = Duet()
    call.connect()
    for act, pause in acts:
        _do(call, act)
        call.wait(pause)
    for _ in range(12):  # whoever is asked now answers at once, until the agent listens
        if call.conversation.is_over:
            return
        call.tell(facts.VoiceStopped())
        for wish in call.all(wishes.AskReply)[-1:]:
            call.tell(facts.ReplyText(wish.reply, "Yes, every day. "), facts.ReplyDone(wish.reply))
        call.wait(1.5)
        if call.conversation.agent_state is Agent.LISTENING:
            break
    if call.conversation.is_over:
        return
    assert call.conversation.agent_state is Agent.LISTENING
    known = len(call.problems())
    asked = len(call.all(wishes.AskReply))
    call.says("Are you open on Monday, and may I come?")
    for _ in range(200):  # a caller whose pauses were long is given time
        if len(call.all(wishes.AskReply)) == asked:
            call.wait(0.02)
    call.answers("You may come on Monday.", after=0.1)
    call.wait(4)
    assert call.conversation.history()[-1].text.endswith("You may come on Monday.")
    assert len(call.problems()) == known
