"""The timings of a conversation, in one value, so that a test or an agent can change any of them."""

from __future__ import annotations

import msgspec


class TurnRules(msgspec.Struct, frozen=True):
    """How long the conversation waits for what. All in seconds."""

    incomplete_pause_s: float = 1.2
    """A sentence that is clearly unfinished ("I would like to") gets this long to go on before it is answered."""

    settle_s: float = 1.4
    """Settled words without the recogniser's end of turn are a turn after this much quiet."""

    stale_words_s: float = 2.0
    """Words that were never settled are taken as they are this long after the caller's sound ended."""

    noise_recheck_s: float = 0.4
    """Sound after a finished sentence that ends without words delays the answer only this much longer."""

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

    bridge_s: float = 2.5
    """Nothing to say by now: ask the caller for a moment, so that the line never sounds dead."""

    reply_limit_s: float = 12.0
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

    keys_pause_s: float = 1.5
    """Keys pressed one after the other belong together while no gap is longer than this; `#` ends them at once."""

    stuck_s: float = 15.0
    """A line whose sound makes no progress for this long beyond what is left of it is given up: the last resort."""

    longest_answer_s: float = 330.0
    """An answer without a word is given up then, whoever was to bring it: longer than any webhook is waited for."""

    goodbye_margin_s: float = 5.0
    """Added to a goodbye's estimated length; after that the call ends even if nothing confirms that it was heard."""

    transfer_limit_s: float = 4.0
    """A transfer of which nothing is heard for this long could not be begun; the carrier's ringing comes after that."""

    check_ins: int = 2
    """How often a silent caller is asked for before the call is ended."""

    failures: int = 3
    """So many failed turns in a row end the call with a farewell."""

    mute_failures: int = 2
    """The same, when every voice has refused for good: there is nothing to hope for."""
