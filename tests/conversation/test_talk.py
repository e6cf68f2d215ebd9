"""Who spoke how long: by arithmetic, from a conversation told by hand."""

from __future__ import annotations

from msgspec.structs import asdict

from parley.conversation import facts
from parley.conversation.journals.journal import Entry
from parley.conversation.measuring.measures import measured, percentile, words
from parley.conversation.measuring.stretches import gaps, longest_monologue, shared_s
from parley.conversation.measuring.talk import MOST_STOPS, Stop, Talk, TalkObserver, merged, read
from parley.conversation.wishes import EndCall, NoteInterruption, NoteTurn
from tests.conversation.telling import Telling


def talk_of(call: Telling) -> Talk:
    observer = TalkObserver()
    for step in call.steps:
        observer.observe(step)
    talk = observer.talk()
    assert talk is not None
    return talk


def plays(call: Telling, reply: int, seconds: float, *, chars_a_s: int = 15) -> None:
    """The phone plays that much of the reply, and says so five times a second."""
    for step in range(1, round(seconds * 5) + 1):
        call.tell(facts.SpeechHeard(reply, round(step * chars_a_s / 5)), after=0.2)


def answered() -> Telling:
    """Connected at 2 s; the caller speaks from 3 to 4; the agent speaks from 4.3 to 8.3."""
    call = Telling()
    call.tell(facts.CallPrepared(), facts.CallConnected(), after=2.0)
    call.says("When are you open today?", after=1.0)
    text = "We are open from nine until five on weekdays." + " And at noon." * 2
    call.tell(facts.ReplyText(1, text), facts.ReplyDone(1), facts.SpeechStarted(1))
    plays(call, 1, 4.0)
    return call


def test_each_second_belongs_to_who_spoke_in_it() -> None:
    call = answered()
    call.tell(facts.SpeechEnded(1))
    call.tell(facts.HungUp(), after=1.7)

    talk = talk_of(call)

    assert (talk.from_s, talk.measured_s) == (2.0, 8.0)
    assert (talk.caller_s, talk.agent_s, talk.overlap_s) == (1.0, 4.0, 0.0)
    assert talk.silence_s == 3.0
    assert (talk.longest_caller_s, talk.longest_agent_s, talk.longest_silence_s) == (1.0, 4.0, 1.7)
    assert talk.first_agent_audio_s == 2.3
    assert (talk.interruptions, talk.talked_over, talk.agent_interruptions) == (0, 0, 0)


def test_words_that_stop_the_agent_are_an_interruption() -> None:
    call = answered()
    call.tell(facts.VoiceStarted())
    call.tell(facts.WordsHeard("No wait", is_final=False), after=0.4)
    call.tell(facts.VoiceStopped(ago_s=0.2), after=0.6)
    call.tell(facts.WordsHeard("No wait a moment.", is_final=True, ends_turn=True), after=0.1)
    call.tell(facts.HungUp(), after=1.0)

    talk = talk_of(call)

    assert (talk.interruptions, talk.talked_over) == (1, 0)
    assert (talk.caller_s, talk.agent_s) == (1.8, 4.0)


def test_a_cough_that_the_agent_goes_on_after_talks_over_it() -> None:
    call = answered()
    call.tell(facts.VoiceStarted())
    call.tell(facts.VoiceStopped(ago_s=0.1), after=0.5)
    call.wait(0.7)  # nobody said a word: the agent goes on
    plays(call, 1, 1.0)
    call.tell(facts.SpeechEnded(1))
    call.tell(facts.HungUp(), after=0.5)

    talk = talk_of(call)

    assert (talk.interruptions, talk.talked_over) == (0, 1)
    assert (talk.caller_s, talk.agent_s) == (1.4, 5.0)
    assert talk.longest_agent_s == 6.2  # a cough ends no monologue


def test_an_agent_that_begins_before_the_caller_has_finished_interrupts() -> None:
    def begun_at(moment: float) -> Talk:
        observer = TalkObserver()
        observer.observe(Entry(0.0, facts.CallConnected(), []))
        observer.observe(Entry(1.0, facts.VoiceStarted(), []))
        observer.observe(Entry(moment, facts.SpeechStarted(1), []))
        observer.observe(Entry(2.5, facts.VoiceStopped(ago_s=0.2), []))  # so it was over at 2.3
        observer.observe(Entry(4.0, facts.SpeechEnded(1), []))
        observer.observe(Entry(5.0, facts.HungUp(), [EndCall("caller_hangup")]))
        talk = observer.talk()
        assert talk is not None
        return talk

    assert (begun_at(2.0).agent_interruptions, begun_at(2.0).overlap_s) == (1, 0.3)
    assert (begun_at(2.4).agent_interruptions, begun_at(2.4).overlap_s) == (0, 0.0)


def test_what_is_measured_agrees_with_the_rows_of_the_same_call() -> None:
    call = answered()
    call.tell(facts.SpeechEnded(1))
    call.says("Thank you very much!", after=2.0)
    call.answers(2, "You are welcome.")
    call.tell(facts.HungUp(), after=1.0)
    rows = {note.row: note for note in call.all(NoteTurn)}
    rows_said = [_Row(note) for note in rows.values()]

    counted = measured(12.0, rows_said, talk_of(call))

    assert counted.turns == len(rows) == 2
    assert (counted.caller_words, counted.agent_words) == (5 + 4, 9 + 3 * 2 + 3)
    assert counted.response_ms == tuple(note.latencies.heard_ms for note in rows.values())
    assert counted.response_p50_ms == 933.4  # heard after 0.5 s, and after 1.367
    assert counted.talk_ratio is not None
    assert counted.caller_s is not None
    assert counted.agent_s is not None
    assert counted.talk_ratio == round(counted.agent_s / (counted.agent_s + counted.caller_s), 4)
    shares = [counted.caller_share, counted.agent_share, counted.silence_share]
    assert abs(sum(share or 0.0 for share in shares) - (counted.overlap_share or 0.0) - 1) < 0.001
    assert counted.caller_words_per_minute == round(9 * 60 / counted.caller_s, 1)


def test_a_human_who_has_the_call_is_neither_silence_nor_the_agent() -> None:
    call = answered()
    call.tell(facts.SpeechEnded(1))
    call.tell(facts.TakeOverAsked("ann", 60.0), after=1.0)
    call.says("Are you a human?", after=5.0)
    call.tell(facts.HumanHeard("Yes, I am Ann, and I am glad to help you."), after=10.0)
    call.tell(facts.HandBackAsked(), after=5.0)
    call.tell(facts.HungUp(), after=0.5)
    notes = {note.row: note for note in call.all(NoteTurn)}
    assert [note.speaker for note in notes.values()][-1] == "human"

    talk = talk_of(call)
    counted = measured(30.0, [_Row(note) for note in notes.values()], talk)

    assert (talk.agent_s, talk.silence_s, talk.longest_silence_s) == (4.0, 2.8, 1.0)
    assert counted.agent_words == 9 + 3 * 2


class _Row:
    """A note as its row is read."""

    def __init__(self, note: NoteTurn) -> None:
        self.caller, self.agent = note.caller, note.agent
        self.is_human = note.speaker == "human"
        self.latencies = asdict(note.latencies)


def test_a_sound_nobody_tells_the_end_of_ends_with_its_last_words() -> None:
    observer = TalkObserver()
    told: list[tuple[float, facts.AnyFact]] = [
        (0.0, facts.CallConnected()),
        (1.0, facts.VoiceStarted()),
        (2.0, facts.WordsHeard("Hello there")),
        (3.0, facts.UtteranceEnded()),
        (9.0, facts.VoiceStarted()),
        (20.0, facts.VoiceStarted()),
        (21.0, facts.VoiceStopped(0.5)),
    ]
    for at, fact in told:
        observer.observe(Entry(at, fact, []))
    observer.observe(Entry(30.0, facts.HungUp(), [EndCall("caller_hangup")]))
    talk = observer.talk()
    assert talk is not None
    assert (talk.caller_s, talk.measured_s, talk.longest_silence_s) == (1.5, 30.0, 18.0)


def test_a_phone_that_never_connects_leaves_nothing_to_measure() -> None:
    observer = TalkObserver()
    observer.observe(Entry(1.0, facts.HungUp(), [EndCall("no_answer")]))
    assert observer.talk() is None
    assert measured(0.0, [], None).talk_ratio is None


def test_two_sessions_of_one_call_are_one_measure_whatever_their_order() -> None:
    first = talk_of(_hung_up(answered()))
    second = TalkObserver()
    second.observe(Entry(0.0, facts.CallConnected(), []))
    second.observe(Entry(1.0, facts.SpeechStarted(1), []))
    second.observe(Entry(3.0, facts.SpeechEnded(1), []))
    second.observe(Entry(4.0, facts.HungUp(), [EndCall("caller_hangup")]))
    later = second.talk(from_s=60.0)
    assert later is not None

    both = merged([later, first])

    assert both == merged([first, later])
    assert both is not None
    assert (both.agent_s, both.measured_s) == (first.agent_s + 2.0, first.measured_s + 4.0)
    assert (both.first_agent_audio_s, both.from_s) == (first.first_agent_audio_s, 2.0)
    assert merged([]) is None


def _hung_up(call: Telling) -> Telling:
    call.tell(facts.SpeechEnded(1))
    call.tell(facts.HungUp(), after=1.0)
    return call


def stopping(*stops: NoteInterruption, from_s: float = 0.0) -> Talk:
    """A session whose phone was connected a second after it began, and whose agent fell silent so often."""
    observer = TalkObserver()
    observer.observe(Entry(1.0, facts.CallConnected(), []))
    for stop in stops:
        observer.observe(Entry(stop.at_s, None, [stop]))
    observer.observe(Entry(500.0, facts.HungUp(), [EndCall("caller_hangup")]))
    talk = observer.talk(from_s)
    assert talk is not None
    return talk


def test_each_time_that_the_agent_fell_silent_is_kept_with_what_came_of_it() -> None:
    talk = stopping(NoteInterruption(4.0, 80.0, "resumed", "cough"), NoteInterruption(9.5, 120.0, "cut", "words"))

    assert talk.stops == (Stop(3.0, 80.0, "resumed", "cough"), Stop(8.5, 120.0, "cut", "words"))
    counted = measured(10.0, [], talk)
    assert (counted.stops, counted.stop_p50_ms, counted.stop_p95_ms) == (talk.stops, 100.0, 118.0)
    assert measured(10.0, [], stopping()).stop_p50_ms is None


def test_stops_are_bounded_and_those_of_a_later_session_come_behind() -> None:
    many = [NoteInterruption(2.0 + at, 80.0, "cut", "words") for at in range(MOST_STOPS + 5)]
    assert len(stopping(*many).stops) == MOST_STOPS

    both = merged([stopping(many[1], from_s=60.0), stopping(many[0])])

    assert both is not None
    assert [stop.at_s for stop in both.stops] == [1.0, 62.0]  # since the first session's phone was connected


def test_what_was_measured_before_stops_were_kept_still_reads() -> None:
    old = asdict(stopping())
    del old["stops"]
    assert read({"0.000": old}) == stopping()


def test_stretches() -> None:
    ours, theirs = [(0.0, 2.0), (3.0, 4.0), (9.0, 10.0)], [(1.0, 1.5), (3.5, 5.5)]
    assert shared_s(ours, theirs) == 1.0
    assert [gap for gap in gaps(ours, theirs, 0.0, 12.0) if gap[0] < gap[1]] == [(2.0, 3.0), (5.5, 9.0), (10.0, 12.0)]
    assert longest_monologue(ours, theirs) == 4.0  # the murmur at 1.0 and the pause of a second end nothing
    assert longest_monologue([(0.0, 1.0), (2.5, 4.0)], [(1.2, 2.3)]) == 1.5
    assert longest_monologue([], []) == 0.0


def test_percentiles_and_words() -> None:
    assert percentile([], 0.5) is None
    assert percentile([100.0, 200.0, 400.0], 0.5) == 200.0
    assert percentile([100.0, 200.0], 0.95) == 195.0
    assert words("Don't e-mail me — at 9:30, O.K.?") == 8
    assert measured(1.0, [], None, "ja-JP").caller_words is None
