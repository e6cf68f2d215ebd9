"""A provider makes no progress: when the next one is asked, and what becomes of a call that has none left."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest

from parley.conversation import facts, wishes
from parley.domain.agents import AgentSnapshot, Conduct, ListenChoice, ModelChoice, VoiceChoice
from tests.conversation.telling import HOSTED, Telling

SPARED = msgspec.structs.replace(
    HOSTED,
    spare_listens=(ListenChoice("other"),),
    spare_models=(ModelChoice("other"), ModelChoice("third")),
    spare_voices=(VoiceChoice("other"), VoiceChoice("third")),
    conduct=Conduct(fillers=()),
)
ALONE = msgspec.structs.replace(HOSTED, transfer_number="", conduct=Conduct(fillers=()))


def connected(agent: AgentSnapshot = SPARED) -> Telling:
    call = Telling(agent)
    call.connect()
    return call


def sounds(call: Telling, seconds: float, *, after: float = 1.0) -> None:
    """The caller makes voice, of which the recogniser tells nothing."""
    call.tell(facts.VoiceStarted(), after=after)
    call.tell(facts.VoiceStopped(ago_s=0.2), after=seconds + 0.2)


def replacings(call: Telling) -> list[float]:
    return [round(at, 2) for at, wish in call.told if isinstance(wish, wishes.ReplacePart)]


def clips(call: Telling) -> list[str]:
    return [wish.clip for wish in call.all(wishes.PlayClip)]


# ---------------------------------------------------------------- the recogniser


def test_speech_without_a_word_asks_for_the_next_recogniser_a_second_after_it_ended() -> None:
    call = connected()
    sounds(call, 1.5)
    ended_at = call.now - 0.2
    call.wait(2)
    assert replacings(call) == [pytest.approx(ended_at + 1.0)]
    assert call.last(wishes.ReplacePart) == wishes.ReplacePart("speech_to_text", "no_words")


def test_a_cough_asks_for_nobody_nor_does_speech_that_is_understood() -> None:
    call = connected()
    sounds(call, 0.5)
    call.wait(3)
    call.says("When are you open?")
    call.wait(3)
    assert not replacings(call)


def test_long_speech_is_not_waited_out() -> None:
    call = connected()
    call.tell(facts.VoiceStarted(), after=1)
    call.wait(4)
    assert replacings(call) == [1 + 2.5]


def test_a_recogniser_that_stops_in_mid_sentence_is_noticed() -> None:
    call = connected()
    call.tell(facts.VoiceStarted(), after=1)
    call.tell(facts.WordsHeard("I would"), after=0.8)
    call.tell(facts.VoiceStopped(ago_s=0.2), after=1.6)
    call.wait(1)
    assert len(replacings(call)) == 1


def test_a_phone_whose_stream_broke_in_mid_sentence_says_nothing_about_the_recogniser() -> None:
    call = connected()
    call.tell(facts.VoiceStarted(), after=1)
    call.tell(facts.PartLost("carrier", "lost"), after=1)
    call.wait(5)
    assert not replacings(call)


def test_noise_of_which_nobody_makes_words_asks_less_and_less_often() -> None:
    call = connected()
    for _ in range(60):
        sounds(call, 1.5)
    asked = replacings(call)
    gaps = [later - at for at, later in pairwise(asked)]
    assert len(asked) <= 7
    assert gaps == sorted(gaps)


def test_while_no_recogniser_shows_any_life_the_one_after_it_is_asked_soon() -> None:
    call = connected()
    sounds(call, 1.5)
    call.wait(0.85)
    call.tell(facts.PartLost("speech_to_text", "no_words"))
    call.wait(1.3)
    first, second = replacings(call)
    assert second - first == pytest.approx(1.2)


def test_one_that_took_over_is_noted_and_the_caller_is_not_told_of_a_trouble_that_is_over() -> None:
    call = connected()
    sounds(call, 1.5)
    call.wait(0.85)
    call.tell(facts.PartLost("speech_to_text", "no_words"))
    call.tell(facts.PartReplaced("speech_to_text", "took_over"), after=0.4)
    call.tell(facts.WordsHeard("When are you open?", is_final=True, ends_turn=True))
    call.answers(call.last(wishes.AskReply).reply, "From nine to five.")
    call.wait(5)
    codes = [problem.code for problem in call.all(wishes.NoteProblem)]
    assert codes == ["speech_to_text_lost", "speech_to_text_replaced"]
    assert not clips(call)


def test_with_every_recogniser_hanging_the_caller_is_told_and_then_put_through() -> None:
    call = connected()
    sounds(call, 1.5)
    ended_at = call.now - 0.2
    call.wait(0.85)
    call.tell(facts.PartLost("speech_to_text", "no_words"))
    call.wait(2.5)
    assert clips(call) == ["cannot_hear"]
    assert call.now - ended_at < 6.0
    clip = call.last(wishes.PlayClip).reply
    call.tell(facts.SpeechStarted(clip), facts.SpeechEnded(clip), after=4.3)
    call.wait(6)
    assert clips(call) == ["cannot_hear", "handing_over"]
    clip = call.last(wishes.PlayClip).reply
    call.tell(facts.SpeechStarted(clip), facts.SpeechEnded(clip), after=4)
    assert call.last(wishes.TransferTo).number == SPARED.transfer_number


def test_a_recogniser_that_was_lost_while_the_phone_rang_is_told_of() -> None:
    call = Telling(ALONE)
    call.tell(facts.CallPrepared())
    call.tell(facts.PartLost("speech_to_text", "unreachable"))
    call.tell(facts.CallConnected(), after=20)
    call.wait(3)
    assert clips(call) == ["cannot_hear"]


# ---------------------------------------------------------------- the model


def test_every_model_is_asked_in_turn_while_none_speaks_and_the_first_once_more() -> None:
    call = connected()
    call.says("When are you open?", after=1)
    call.wait(6)
    asked_at = next(at for at, wish in call.told if isinstance(wish, wishes.AskReply))
    retries = [at - asked_at for at, wish in call.told if isinstance(wish, wishes.RetryReply)]
    assert retries == pytest.approx([1.3, 2.6, 3.9])


def test_refused_by_one_after_the_other_every_model_is_asked_before_the_apology() -> None:
    call = connected()
    call.says("When are you open?", after=1)
    for _ in range(3):
        assert call.tell(facts.ReplyFailed(1, "down"), after=0.1) == [wishes.RetryReply(1)]
    call.tell(facts.ReplyFailed(1, "down"), after=0.1)
    assert clips(call) == ["apology"]


def test_with_every_model_hanging_nobody_hears_silence_for_six_seconds() -> None:
    call = connected(ALONE)
    call.says("When are you open?", after=1)
    spoke_until = call.now - 0.3
    sounds_at = [spoke_until]
    for _ in range(200):
        for wish in call.wait(0.05):
            if isinstance(wish, wishes.PlayClip):
                sounds_at.append(call.now)
                call.tell(facts.SpeechStarted(wish.reply))
                call.tell(facts.SpeechEnded(wish.reply), after=1.5)
                sounds_at.append(call.now)
        if clips(call)[-1:] == ["apology"]:
            break
    quiet = [at - before for before, at in zip(sounds_at[::2], sounds_at[1::2], strict=False)]
    assert clips(call)[-1] == "apology"
    assert quiet[0] < 3.0 and max(quiet) < 6.0


# ---------------------------------------------------------------- the voice


def test_every_voice_is_tried_before_the_line_is_given_up() -> None:
    call = connected()
    call.says("When are you open?", after=1)
    call.tell(facts.ReplyText(1, "From nine to five."), facts.ReplyDone(1), after=0.2)
    call.wait(4)
    assert len(call.all(wishes.RetrySpeech)) == 2
    assert clips(call)[-1] == "apology"


def test_with_every_voice_gone_the_second_failure_is_the_last() -> None:
    call = connected(ALONE)
    call.tell(facts.PartFailed("text_to_speech", "unauthorized"))
    for clip in ("apology", "farewell"):
        call.says("Hello there.", after=1)
        reply = call.last(wishes.AskReply).reply
        call.tell(facts.ReplyText(reply, "Yes?"), facts.ReplyDone(reply))
        call.tell(facts.SpeechFailed(reply, "unauthorized"))
        assert clips(call)[-1] == clip
        number = call.last(wishes.PlayClip).reply
        call.tell(facts.SpeechStarted(number), facts.SpeechEnded(number), after=2)
    assert call.last(wishes.EndCall).reason == "provider_failed"


def test_a_caller_whose_agent_breaks_down_for_good_is_put_through_if_there_is_anybody() -> None:
    call = connected()
    call.tell(facts.PartFailed("speech_to_text", "refused"), after=1)
    assert clips(call) == ["handing_over"]
    number = call.last(wishes.PlayClip).reply
    call.tell(facts.SpeechStarted(number), facts.SpeechEnded(number), after=2)
    assert call.last(wishes.TransferTo).number == SPARED.transfer_number
