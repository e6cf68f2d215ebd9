"""The few sentences parley says on its own, by language, and which words of a caller are no interruption."""

from __future__ import annotations

from typing import TypeVar

from parley.conversation.wishes import Clip

_Lines = TypeVar("_Lines", str, tuple[str, ...])

# The recorded clips exist in English only: they must sound when no voice can be reached at all.
CLIP_TEXTS: dict[Clip, str] = {
    "one_moment": "One moment, please.",
    "apology": "I'm sorry, I'm having trouble on my side. Could you say that again?",
    "cannot_hear": "I'm sorry, I can't hear you right now. Please hold the line.",
    "handing_over": "I'm sorry, something went wrong. I'm putting you through to somebody.",
    "farewell": "I'm sorry, something went wrong. Please call again later. Goodbye.",
}

_CHECK_IN = {
    "en": "Are you still there?",
    "es": "¿Sigue ahí?",
    "fr": "Êtes-vous toujours là ?",
    "de": "Sind Sie noch da?",
    "it": "È ancora in linea?",
    "pt": "Ainda está aí?",
    "nl": "Bent u er nog?",
    "ja": "もしもし、聞こえていますか?",
    "hi": "क्या आप अभी भी लाइन पर हैं?",
}
_CHECK_IN_AGAIN = {
    "en": "I can't hear you. Is anybody on the line?",
    "es": "No le oigo. ¿Hay alguien en la línea?",
    "fr": "Je ne vous entends pas. Y a-t-il quelqu'un en ligne ?",
    "de": "Ich höre Sie nicht. Ist jemand am Apparat?",
    "it": "Non la sento. C'è qualcuno in linea?",
    "pt": "Não o ouço. Há alguém na linha?",
    "nl": "Ik hoor u niet. Is er iemand aan de lijn?",
    "ja": "お声が聞こえないようです。お電話口にいらっしゃいますか?",
    "hi": "मुझे आपकी आवाज़ नहीं आ रही। क्या कोई लाइन पर है?",
}
_SILENCE_GOODBYE = {
    "en": "I can't hear anyone, so I'll hang up now. Goodbye.",
    "es": "No oigo a nadie, así que voy a colgar. Adiós.",
    "fr": "Je n'entends personne, je vais donc raccrocher. Au revoir.",
    "de": "Ich höre niemanden und lege jetzt auf. Auf Wiederhören.",
    "it": "Non sento nessuno, quindi chiudo la chiamata. Arrivederci.",
    "pt": "Não ouço ninguém, por isso vou desligar. Até logo.",
    "nl": "Ik hoor niemand, dus ik hang nu op. Tot ziens.",
    "ja": "お声が聞こえないため、お電話を切らせていただきます。失礼いたします。",
    "hi": "मुझे कोई आवाज़ नहीं आ रही है, इसलिए मैं फ़ोन रख रहा हूँ। नमस्ते।",
}
_TIME_GOODBYE = {
    "en": "We have reached the longest a call may take. Thank you for calling. Goodbye.",
    "es": "Hemos llegado a la duración máxima de la llamada. Gracias por llamar. Adiós.",
    "fr": "Nous avons atteint la durée maximale de l'appel. Merci de votre appel. Au revoir.",
    "de": "Wir haben die Höchstdauer des Gesprächs erreicht. Danke für Ihren Anruf. Auf Wiederhören.",
    "it": "Abbiamo raggiunto la durata massima della chiamata. Grazie e arrivederci.",
    "pt": "Chegámos à duração máxima da chamada. Obrigado por ligar. Até logo.",
    "nl": "We hebben de maximale gespreksduur bereikt. Bedankt voor het bellen. Tot ziens.",
    "ja": "通話時間の上限に達しました。お電話ありがとうございました。失礼いたします。",
    "hi": "कॉल की अधिकतम अवधि पूरी हो गई है। कॉल करने के लिए धन्यवाद। नमस्ते।",
}

_BACK_AGAIN = {
    "en": "I'm back with you. How can I help?",
    "es": "Ya estoy de vuelta. ¿En qué puedo ayudarle?",
    "fr": "Je suis de retour. Comment puis-je vous aider ?",
    "de": "Ich bin wieder für Sie da. Wie kann ich helfen?",
    "it": "Sono di nuovo qui. Come posso aiutarla?",
    "pt": "Estou de volta. Como posso ajudar?",
    "nl": "Ik ben er weer. Waarmee kan ik helpen?",
    "ja": "お待たせいたしました。ご用件をどうぞ。",
    "hi": "मैं वापस आपके साथ हूँ। मैं कैसे मदद कर सकता हूँ?",
}

_GOODBYE = {
    "en": "Goodbye.",
    "es": "Adiós.",
    "fr": "Au revoir.",
    "de": "Auf Wiederhören.",
    "it": "Arrivederci.",
    "pt": "Até logo.",
    "nl": "Tot ziens.",
    "ja": "失礼いたします。",
    "hi": "नमस्ते।",
}

# Each says the same whatever was asked, so that any of them fits in front of any answer; and each has three words or
# more, by which its echo is told from a caller's own words.
_FILLERS: dict[str, tuple[str, ...]] = {
    "en": ("Let me see.", "Just a moment.", "One second, please."),
    "es": ("Déjeme ver eso.", "Un momento, por favor.", "Deme un segundo."),
    "fr": ("Laissez-moi regarder ça.", "Un instant, je vous prie.", "Juste une petite seconde."),
    "de": ("Ich schaue mal nach.", "Einen Moment, bitte.", "Nur eine Sekunde."),
    "it": ("Mi lasci controllare.", "Un momento, per favore.", "Solo un secondo."),
    "pt": ("Deixe-me ver isso.", "Um momento, por favor.", "Só um segundo."),
    "nl": ("Ik kijk even.", "Een moment, alstublieft.", "Nog een seconde."),
    "ja": ("そうですね、確認します。", "少々お待ちください。", "ただいま確認しております。"),
    "hi": ("मुझे देखने दीजिए।", "एक क्षण रुकिए।", "बस एक सेकंड।"),
}
_MURMURS: dict[str, tuple[str, ...]] = {
    "en": ("Mm-hm.", "I see.", "Okay."),
    "es": ("Ajá.", "Ya veo.", "Claro."),
    "fr": ("Mm-hm.", "Je vois.", "D'accord."),
    "de": ("Mhm.", "Verstehe.", "Okay."),
    "it": ("Mm-hm.", "Capisco.", "Certo."),
    "pt": ("Aham.", "Entendo.", "Certo."),
    "nl": ("Mm-hm.", "Ik snap het.", "Oké."),
    "ja": ("はい。", "ええ。", "なるほど。"),
    "hi": ("हाँ जी।", "अच्छा।", "ठीक है।"),
}
_CUT_IN = {
    "en": "Sorry to interrupt, let me answer that first.",
    "es": "Perdone que le interrumpa, permítame responder a eso primero.",
    "fr": "Pardon de vous interrompre, laissez-moi d'abord répondre à cela.",
    "de": "Entschuldigen Sie, wenn ich unterbreche, lassen Sie mich zuerst darauf antworten.",
    "it": "Scusi se la interrompo, mi lasci prima rispondere.",
    "pt": "Desculpe interromper, deixe-me responder primeiro a isso.",
    "nl": "Sorry dat ik u onderbreek, laat me daar eerst op antwoorden.",
    "ja": "お話の途中で失礼いたします。先にお答えさせてください。",
    "hi": "बीच में टोकने के लिए माफ़ कीजिए, पहले मुझे इसका जवाब देने दीजिए।",
}


def goodbye(language: str) -> str:
    """What the agent says when its model ends the call without a word."""
    return _in(language, _GOODBYE)


_NOBODY_TOOK_IT = {
    "en": "I'm sorry, nobody could take your call right now. How else can I help?",
    "es": "Lo siento, nadie ha podido atender su llamada en este momento. ¿En qué más puedo ayudarle?",
    "fr": "Je suis désolé, personne n'a pu prendre votre appel. Que puis-je faire d'autre pour vous ?",
    "de": "Es tut mir leid, im Moment konnte niemand Ihren Anruf annehmen. Wie kann ich sonst helfen?",
    "it": "Mi dispiace, al momento nessuno ha potuto rispondere. Come altro posso aiutarla?",
    "pt": "Lamento, ninguém pôde atender a sua chamada neste momento. Em que mais posso ajudar?",
    "nl": "Het spijt me, niemand kon uw gesprek nu aannemen. Waarmee kan ik u verder helpen?",
    "ja": "申し訳ございません、ただいま担当者が電話に出られませんでした。ほかにご用件はございますか?",
    "hi": "माफ़ कीजिए, अभी कोई आपका कॉल नहीं ले सका। मैं और क्या मदद कर सकता हूँ?",
}


def _in(language: str, lines: dict[str, _Lines]) -> _Lines:
    return lines.get(language.split("-")[0].lower(), lines["en"])


def check_in(language: str, asked: int = 0) -> str:
    """What the agent asks a caller who fell silent, and was asked `asked` times before."""
    return _in(language, _CHECK_IN_AGAIN if asked else _CHECK_IN)


def fillers(language: str) -> tuple[str, ...]:
    """What the agent says while its answer is late, unless it has a list of its own."""
    return _in(language, _FILLERS)


def murmurs(language: str) -> tuple[str, ...]:
    """The small sounds by which the agent shows that it listens to a long story."""
    return _in(language, _MURMURS)


def cut_in(language: str) -> str:
    """What the agent says to a caller who has talked for minutes."""
    return _in(language, _CUT_IN)


def silence_goodbye(language: str) -> str:
    """What the agent says before it ends a call nobody speaks on."""
    return _in(language, _SILENCE_GOODBYE)


def nobody_took_it(language: str) -> str:
    """What the agent says to a caller whom it has again because a transfer came to nothing."""
    return _in(language, _NOBODY_TOOK_IT)


def time_goodbye(language: str) -> str:
    """What the agent says when the call has reached its maximum duration."""
    return _in(language, _TIME_GOODBYE)


def back_again(language: str) -> str:
    """What the agent says when the human who spoke in its place is gone without a word."""
    return _in(language, _BACK_AGAIN)
