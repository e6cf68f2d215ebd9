"""The sentences of the front desk, by language; a language that is not here is spoken to in English."""

from __future__ import annotations

import math

_HOLD = {
    "en": "All our lines are busy at the moment. Please stay on the line.",
    "es": "En este momento todas nuestras líneas están ocupadas. Por favor, no cuelgue.",
    "fr": "Toutes nos lignes sont occupées pour le moment. Merci de patienter.",
    "de": "Im Moment sind alle Leitungen belegt. Bitte bleiben Sie am Apparat.",
    "it": "Al momento tutte le linee sono occupate. Resti in linea, per favore.",
    "pt": "De momento, todas as nossas linhas estão ocupadas. Por favor, aguarde em linha.",
    "nl": "Op dit moment zijn al onze lijnen bezet. Blijft u alstublieft aan de lijn.",
    "ja": "ただいま電話が大変混み合っております。そのままお待ちください。",
    "hi": "इस समय हमारी सभी लाइनें व्यस्त हैं। कृपया लाइन पर बने रहें।",
}
_NEXT = {
    "en": "You are next in line.",
    "es": "Usted es el siguiente.",
    "fr": "Vous êtes le prochain appelant.",
    "de": "Sie sind als Nächstes an der Reihe.",
    "it": "Lei è il prossimo in linea.",
    "pt": "É o próximo a ser atendido.",
    "nl": "U bent als volgende aan de beurt.",
    "ja": "次にお繋ぎいたします。",
    "hi": "अगली बारी आपकी है।",
}
_PLACE = {
    "en": "You are number {} in the queue.",
    "es": "Usted es el número {} en la cola.",
    "fr": "Vous êtes le numéro {} dans la file d'attente.",
    "de": "Sie sind Nummer {} in der Warteschlange.",
    "it": "Lei è il numero {} in coda.",
    "pt": "É o número {} na fila.",
    "nl": "U bent nummer {} in de wachtrij.",
    "ja": "現在{}番目にお待ちいただいております。",
    "hi": "कतार में आपका नंबर {} है।",
}
_SOON = {
    "en": "It should take less than a minute.",
    "es": "La espera será de menos de un minuto.",
    "fr": "L'attente devrait être de moins d'une minute.",
    "de": "Es dauert voraussichtlich weniger als eine Minute.",
    "it": "L'attesa dovrebbe essere inferiore a un minuto.",
    "pt": "A espera deverá ser inferior a um minuto.",
    "nl": "Het duurt waarschijnlijk minder dan een minuut.",
    "ja": "待ち時間は一分以内の見込みです。",
    "hi": "इसमें एक मिनट से भी कम समय लगना चाहिए।",
}
_MINUTES = {
    "en": "The estimated wait is {} minutes.",
    "es": "La espera estimada es de {} minutos.",
    "fr": "L'attente estimée est de {} minutes.",
    "de": "Die voraussichtliche Wartezeit beträgt {} Minuten.",
    "it": "L'attesa stimata è di {} minuti.",
    "pt": "A espera estimada é de {} minutos.",
    "nl": "De geschatte wachttijd is {} minuten.",
    "ja": "待ち時間は約{}分の見込みです。",
    "hi": "अनुमानित प्रतीक्षा समय {} मिनट है।",
}
_OFFER = {
    "en": "If you would rather be called back, press 1. You keep your place.",
    "es": "Si prefiere que le devolvamos la llamada, pulse 1. Conservará su lugar.",
    "fr": "Si vous préférez être rappelé, appuyez sur 1. Vous gardez votre place.",
    "de": "Wenn wir Sie lieber zurückrufen sollen, drücken Sie die 1. Sie behalten Ihren Platz.",
    "it": "Se preferisce essere richiamato, prema 1. Manterrà il suo posto.",
    "pt": "Se preferir que lhe liguemos de volta, prima 1. Mantém o seu lugar.",
    "nl": "Wilt u liever teruggebeld worden, toets dan 1. U behoudt uw plaats.",
    "ja": "折り返しのお電話をご希望の方は、1を押してください。順番はそのまま保たれます。",
    "hi": "अगर आप चाहते हैं कि हम आपको वापस कॉल करें, तो 1 दबाएँ। आपकी जगह बनी रहेगी।",
}
_PROMISED = {
    "en": "Thank you. You keep your place, and we will call you back when it is your turn. Goodbye.",
    "es": "Gracias. Conserva su lugar y le llamaremos cuando sea su turno. Adiós.",
    "fr": "Merci. Vous gardez votre place et nous vous rappellerons quand ce sera votre tour. Au revoir.",
    "de": "Danke. Sie behalten Ihren Platz, und wir rufen Sie an, sobald Sie an der Reihe sind. Auf Wiederhören.",
    "it": "Grazie. Mantiene il suo posto e la richiameremo quando sarà il suo turno. Arrivederci.",
    "pt": "Obrigado. Mantém o seu lugar e ligaremos quando for a sua vez. Até logo.",
    "nl": "Dank u. U behoudt uw plaats en we bellen u terug zodra u aan de beurt bent. Tot ziens.",
    "ja": "ありがとうございます。順番になりましたら、こちらからお電話いたします。失礼いたします。",
    "hi": "धन्यवाद। आपकी जगह बनी रहेगी और आपकी बारी आने पर हम आपको कॉल करेंगे। नमस्ते।",
}
_IMPOSSIBLE = {
    "en": "I'm sorry, I can't arrange a call back right now. Please stay on the line.",
    "es": "Lo siento, ahora no puedo programar la llamada. Por favor, no cuelgue.",
    "fr": "Je suis désolé, je ne peux pas prévoir de rappel pour le moment. Merci de patienter.",
    "de": "Es tut mir leid, ein Rückruf lässt sich gerade nicht einrichten. Bitte bleiben Sie am Apparat.",
    "it": "Mi dispiace, ora non posso fissare una richiamata. Resti in linea, per favore.",
    "pt": "Lamento, de momento não consigo marcar a chamada. Por favor, aguarde em linha.",
    "nl": "Het spijt me, terugbellen lukt nu niet. Blijft u alstublieft aan de lijn.",
    "ja": "申し訳ございません。ただいま折り返しを承ることができません。そのままお待ちください。",
    "hi": "क्षमा करें, अभी कॉल वापस करने की व्यवस्था नहीं हो पा रही है। कृपया लाइन पर बने रहें।",
}
_THANKS = {
    "en": "Thank you for your message. Goodbye.",
    "es": "Gracias por su mensaje. Adiós.",
    "fr": "Merci pour votre message. Au revoir.",
    "de": "Danke für Ihre Nachricht. Auf Wiederhören.",
    "it": "Grazie per il suo messaggio. Arrivederci.",
    "pt": "Obrigado pela sua mensagem. Até logo.",
    "nl": "Dank u voor uw bericht. Tot ziens.",
    "ja": "メッセージをありがとうございました。失礼いたします。",
    "hi": "आपके संदेश के लिए धन्यवाद। नमस्ते।",
}
_NOTHING = {
    "en": "I did not hear a message. Goodbye.",
    "es": "No he oído ningún mensaje. Adiós.",
    "fr": "Je n'ai entendu aucun message. Au revoir.",
    "de": "Ich habe keine Nachricht gehört. Auf Wiederhören.",
    "it": "Non ho sentito alcun messaggio. Arrivederci.",
    "pt": "Não ouvi nenhuma mensagem. Até logo.",
    "nl": "Ik heb geen bericht gehoord. Tot ziens.",
    "ja": "メッセージが聞き取れませんでした。失礼いたします。",
    "hi": "मुझे कोई संदेश सुनाई नहीं दिया। नमस्ते।",
}


def _in(language: str, said: dict[str, str]) -> str:
    return said.get(language.split("-")[0].lower(), said["en"])


def hold_the_line(language: str) -> str:
    """The first thing a waiting caller hears."""
    return _in(language, _HOLD)


def place(language: str, position: int) -> str:
    """Where a waiting caller stands; 1 is next."""
    return _in(language, _NEXT) if position <= 1 else _in(language, _PLACE).format(position)


def wait(language: str, wait_s: float) -> str:
    """How long it will take about: whole minutes, rounded up, because a wait that is longer than told annoys."""
    minutes = math.ceil(wait_s / 60)
    return _in(language, _SOON) if minutes <= 1 else _in(language, _MINUTES).format(minutes)


def callback_offer(language: str) -> str:
    """What pressing 1 does."""
    return _in(language, _OFFER)


def callback_promised(language: str) -> str:
    """Said once the wish to be called back is on record."""
    return _in(language, _PROMISED)


def callback_impossible(language: str) -> str:
    """Said where the wish to be called back could not be written down."""
    return _in(language, _IMPOSSIBLE)


def thanks(language: str) -> str:
    """Said behind a message."""
    return _in(language, _THANKS)


def nothing_heard(language: str) -> str:
    """Said where nobody spoke after the beep."""
    return _in(language, _NOTHING)
