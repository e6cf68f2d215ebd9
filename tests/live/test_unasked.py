"""What the agent does by itself, together with the speaker: what comes out of the phone, and in which order."""

from __future__ import annotations

import msgspec

from parley.conversation import facts, wishes
from parley.conversation.states import Agent
from parley.domain.agents import Conduct
from tests.conversation.telling import HOSTED
from tests.live.doubles import BYTES_PER_CHAR
from tests.live.duet import Duet

LISTENER = msgspec.structs.replace(HOSTED, conduct=Conduct(gives_backchannel=True))


def played(duet: Duet) -> str:
    return "".join(chr(duet.phone.played[at]) for at in range(0, len(duet.phone.played), BYTES_PER_CHAR))


def history(duet: Duet) -> list[str]:
    return [line.text for line in duet.conversation.history() if line.role == "agent"]


def test_the_answer_follows_the_filler_it_came_into() -> None:
    duet = Duet()
    duet.connect()
    duet.says("When are you open?", after=1)
    duet.answers("From nine.", after=1.6)
    duet.wait(3)
    assert played(duet) == "Let me see.From nine."
    assert history(duet) == ["Let me see. From nine."]
    assert duet.conversation.agent_state is Agent.LISTENING


def test_a_caller_who_speaks_into_the_filler_cuts_it_and_is_asked_about_both() -> None:
    duet = Duet()
    duet.connect()
    duet.says("When are you open?", after=1)
    duet.says("On a Sunday, I mean.", after=1.6)
    duet.answers("Never.")
    duet.wait(3)
    assert played(duet).endswith("Never.")
    assert history(duet)[-1] == "Never."
    assert "".join(history(duet)[:-1]).count("see") <= 1


def test_a_cough_into_the_filler_lets_it_go_on() -> None:
    duet = Duet()
    duet.connect()
    duet.says("When are you open?", after=1)
    duet.tell(facts.VoiceStarted(), after=1.7)
    duet.tell(facts.VoiceStopped(ago_s=0.2), after=0.4)
    duet.answers("From nine.", after=0.2)
    duet.wait(3)
    assert played(duet).endswith("From nine.")
    assert history(duet) == ["Let me see. From nine."]


def tell_a_story(duet: Duet) -> None:
    """Seven seconds and a pause of 0.4 s after a clause."""
    duet.tell(facts.VoiceStarted(), after=1)
    for count in range(12):
        duet.tell(facts.WordsHeard("and so on, " * (count + 1)), after=0.6)
    duet.tell(facts.VoicePaused(ago_s=0.06))
    duet.tell(facts.VoiceStopped(ago_s=0.24), after=0.2)
    duet.tell(facts.WordsHeard("and so on, " * 12, is_final=True, ends_turn=True), after=0.1)
    duet.wait(0.1)


def test_a_murmur_is_heard_and_holds_nobody_up() -> None:
    duet = Duet(LISTENER)
    duet.connect()
    tell_a_story(duet)
    duet.tell(facts.VoiceStarted(), after=0.1)
    duet.wait(0.6)
    assert played(duet) == "Mm-hm."
    assert not duet.all(wishes.HoldSpeech)
    (aside,) = duet.conversation.ledger.asides
    assert (aside.text, aside.heard) == ("Mm-hm.", 6)
    assert history(duet) == []


def test_an_answer_follows_a_murmur_that_sounds() -> None:
    duet = Duet(LISTENER)
    duet.connect()
    tell_a_story(duet)
    duet.tell(facts.WordsHeard("that is all.", is_final=True, ends_turn=True), after=0.1)
    duet.answers("I see the problem.")
    duet.wait(2)
    assert played(duet) == "Mm-hm.I see the problem."
    assert history(duet) == ["I see the problem."]


def test_a_call_that_ends_in_a_murmur_ends() -> None:
    duet = Duet(LISTENER)
    duet.connect()
    tell_a_story(duet)
    duet.tell(facts.HungUp(), after=0.06)
    assert duet.conversation.is_over


def test_a_caller_waits_less_than_three_seconds_at_a_time_for_a_model_that_hangs() -> None:
    duet = Duet()
    duet.connect()
    duet.says("When are you open?", after=2)
    silent_since, longest_s, played_bytes = duet.now - 0.3, 0.0, len(duet.phone.played)
    while not any(clip.clip == "apology" for clip in duet.all(wishes.PlayClip)):
        duet.wait(0.02)
        if len(duet.phone.played) > played_bytes:
            longest_s = max(longest_s, duet.now - silent_since)
            silent_since, played_bytes = duet.now, len(duet.phone.played)
    assert 1.2 < max(longest_s, duet.now - silent_since) < 3.0
