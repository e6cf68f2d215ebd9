"""The timings of a conversation, in one value, so that a test or an agent can change any of them."""

from __future__ import annotations

import msgspec


class TurnRules(msgspec.Struct, frozen=True):
    """How long the conversation waits for what. All in seconds."""

    incomplete_pause_s: float = 1.5
    """A sentence that is clearly unfinished ("I would like to") is answered after so much quiet, at the caller's pace.

    This and the next seven count from the end of the caller's own sound; `turn_end` says which of them holds when."""

    dictation_pause_s: float = 2.4
    """So long is waited for the rest of a number, a spelled name or an address that cannot be complete yet."""

    dictated_pause_s: float = 1.6
    """So long for more of one that may be complete."""

    settle_s: float = 1.7
    """Settled words without the recogniser's end of turn are a turn after this much quiet."""

    answer_settle_s: float = 0.8
    """A short complete answer ("yes", "no thanks"), or what the end-of-turn model takes for one, is one sooner."""

    stale_words_s: float = 2.2
    """Words that were never settled are taken as they are after this much quiet."""

    noise_recheck_s: float = 0.65
    """Sound after settled words that ends without new ones delays the answer only this much beyond its own end."""

    words_lag_s: float = 0.3
    """Words come about this much later than they were said."""

    noise_limit_s: float = 3.0
    """Sound that brings no words for so long is noise: the turn is over in spite of it."""

    judges_turns: bool = False
    """Whether there is an end-of-turn model to be asked about each pause."""

    judged_over: float = 0.6
    """From this probability on the model thinks that the turn is over."""

    judged_unfinished: float = 0.3
    """Up to this one it thinks that the caller goes on; in between it does not know."""

    judged_pause_s: float = 0.6
    """A sentence that reads as unfinished, and sounds finished to the model, is answered after this much quiet."""

    false_alarm_s: float = 0.7
    """The agent fell silent for a sound; no words this long after it ended means it was a cough: go on."""

    last_chars: int = 10
    """With no more than this left to be heard of a sentence, "yes" is an answer to it and no murmur."""

    sure_words: int = 2
    """So many words, settled or not, are an interruption for good; one unsettled word may still be taken back."""

    lone_word_s: float = 1.5
    """A lone word that nobody's sound was heard with is waited for this long before the agent goes on."""

    held_limit_s: float = 4.0
    """A sound that goes on this long without a word is noise, not speech: go on over it and expect no end of it."""

    pickup_s: float = 3.0
    """A "hello?" this early into the greeting is the caller picking up, not an interruption."""

    first_piece_s: float = 0.03
    """The first words of a reply wait this long for company before they go to the voice."""

    runway_s: float = 0.45
    """Later words wait for the end of their sentence, but go to the voice while so much speech is still to be heard."""

    next_piece_s: float = 1.0
    """However much is still to be heard, words wait no longer than this."""

    early_askings: int = 3
    """So often a turn is answered ahead at most, each time with other words: what is thrown away was paid for."""

    chunk_pause_s: float = 0.3
    """After this pause a chunk of a webhook's answer is taken to end with a whole word, also without a full stop."""

    reply_retry_s: float = 1.3
    """A chat model that said nothing by now is asked a second time, in parallel."""

    filler_s: float = 1.4
    """Not a word of the answer this long after the turn was taken: the agent says a filler."""

    filler_sound_s: float = 1.1
    """A filler without a sound by now: the voice is what hangs, and the recorded sentence is played."""

    filler_again_s: float = 2.4
    """Still not a word this long after the filler was over: another one."""

    filler_later_s: float = 4.5
    """Every further one comes this long after the one before, for as long as the answer is waited for."""

    bridge_s: float = 2.5
    """Nothing to say by now: ask the caller for a moment, so that the line never sounds dead."""

    reply_limit_s: float = 8.0
    """A chat model that said nothing by now has failed for this turn."""

    stall_s: float = 2.5
    """A reply that stops in the middle is given up this long after all of it was spoken."""

    voice_patience_s: float = 0.8
    """Words that are with the voice already are not bridged before this: their sound is about to come."""

    speech_retry_s: float = 1.1
    """A voice that owes audio for this long is tried again on a fresh connection."""

    speech_limit_s: float = 2.2
    """A voice that owes audio for this long has failed for this reply."""

    deaf_s: float = 2.4
    """The recogniser is gone this long: tell the caller."""

    deaf_limit_s: float = 9.0
    """Told so, the caller holds the line for this long; then the agent gives up. Saying it takes four seconds of it."""

    unheard_voice_s: float = 0.8
    """So much voice of the caller without a word may be speech that the recogniser does not hear; less is a cough."""

    unheard_after_s: float = 1.0
    """Words come this soon after the voice has ended, or the next recogniser is asked for its opinion."""

    unheard_limit_s: float = 2.5
    """Voice that goes on for so long without a word is not waited out before the next recogniser is asked."""

    unheard_again_s: float = 1.2
    """While no recogniser shows any sign of life, the one after it is asked this much later."""

    unheard_rest_s: float = 6.0
    """Two recognisers agreed that it was noise: none is asked about more of it for this long, then twice as long."""

    deaf_again_s: float = 0.5
    """While the agent speaks nobody needs to be told; look again this much later."""

    media_grace_s: float = 10.0
    """The carrier's stream broke: the call is kept this long for it to come back."""

    stuck_s: float = 15.0
    """A line whose sound makes no progress for this long beyond what is left of it is given up: the last resort."""

    longest_answer_s: float = 330.0
    """An answer without a word is given up then, whoever was to bring it: longer than any webhook is waited for."""

    goodbye_margin_s: float = 5.0
    """Added to a goodbye's estimated length; after that the call ends even if nothing confirms that it was heard."""

    transfer_limit_s: float = 4.0
    """A transfer of which nothing is heard for this long could not be begun; the carrier's ringing comes after that."""

    asked_patience_s: float = 60.0
    """A caller who asked the agent to wait ("hold on") is left in peace at least this long."""

    echo_tail_s: float = 1.0
    """Sound that begins so soon after the agent's may be its echo, and is no sign of life."""

    monologue_grace_s: float = 20.0
    """Who has talked for too long is cut short at the next breath, or without one after this."""

    story_gap_s: float = 5.0
    """After so long a pause a caller begins to talk anew; a shorter one is part of a long story."""

    murmur_after_s: float = 6.0
    """A caller who has talked this long is told now and then that somebody listens."""

    murmur_pause_s: float = 0.32
    """A pause this long, after words that sound like the end of a clause, is the place for it."""

    murmur_late_s: float = 0.75
    """Later than this after the caller fell quiet no murmur is begun: they are about to go on, or have finished."""

    murmur_gap_s: float = 7.0
    """From one murmur to the next."""

    murmur_lead_s: float = 0.5
    """A turn that is over sooner than this is answered, not murmured at."""

    murmur_sound_s: float = 0.6
    """A murmur that the voice has made no sound of by now comes too late to be heard."""

    murmur_limit_s: float = 2.0
    """A murmur that is not over so long after it began is stopped: the voice has lost it, and the answer waits."""

    check_ins: int = 2
    """How often a silent caller is asked for before the call is ended."""

    failures: int = 3
    """So many failed turns in a row end the call with a farewell."""

    mute_failures: int = 2
    """The same, when every voice has refused for good: there is nothing to hope for."""
