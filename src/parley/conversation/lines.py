"""The few sentences parley says on its own, by language, and which words of a caller are no interruption."""

from __future__ import annotations

from parley.conversation.wishes import Clip

# The recorded clips exist in English only: they must sound when no voice can be reached at all.
CLIP_TEXTS: dict[Clip, str] = {
    "one_moment": "One moment, please.",
    "apology": "I'm sorry, I'm having trouble on my side. Could you say that again?",
    "cannot_hear": "I'm sorry, I can't hear you right now. Please hold the line.",
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


def _in(language: str, lines: dict[str, str]) -> str:
    return lines.get(language.split("-")[0].lower(), lines["en"])


def check_in(language: str) -> str:
    """What the agent asks a caller who fell silent."""
    return _in(language, _CHECK_IN)


def silence_goodbye(language: str) -> str:
    """What the agent says before it ends a call nobody speaks on."""
    return _in(language, _SILENCE_GOODBYE)


def time_goodbye(language: str) -> str:
    """What the agent says when the call has reached its maximum duration."""
    return _in(language, _TIME_GOODBYE)


def back_again(language: str) -> str:
    """What the agent says when the human who spoke in its place is gone without a word."""
    return _in(language, _BACK_AGAIN)
