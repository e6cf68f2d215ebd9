"""Which words of a caller are no interruption, by language: murmurs of listening, and farewells."""

from __future__ import annotations


def _entries(text: str) -> tuple[str, ...]:
    return tuple(entry.strip() for entry in text.split(","))


# Sounds rather than words: people make them in every language, and recognisers spell them as they like.
_HUMS = _entries(
    """mm, mmm, mhm, mmhm, mhmm, mm-hm, mm-hmm, mmhmm, mm-mm, uh-huh, uhhuh, uh huh, uh, huh, hm, hmm, hmmm,
        ah, aha, oh, ooh, eh, ok, okay"""
)


_BACKCHANNELS: dict[str, tuple[str, ...]] = {
    "en": _entries(
        """yeah, yep, yup, yes, right, sure, cool, nice, great, good, wow, really, i see, got it,
        alright, all right, fine, true, exactly, of course, understood, i know, that's right,
        sounds good, perfect, no problem, okey"""
    ),
    "es": _entries(
        """sí, si, vale, claro, bueno, bien, ya, ajá, aja, entiendo, entendido, de acuerdo, muy bien,
        perfecto, exacto, está bien, por supuesto, ya veo, cierto, qué bien, listo, sale, dale,
        genial"""
    ),
    "fr": _entries(
        """oui, ouais, d'accord, bien, très bien, je vois, ah bon, ah oui, bien sûr, entendu, exact,
        exactement, super, parfait, voilà, c'est ça, compris, je comprends, ça marche, pas de
        souci, hum, euh oui"""
    ),
    "de": _entries(
        """ja, jaja, genau, gut, ach so, achso, aha, stimmt, verstehe, verstanden, alles klar, klar,
        in ordnung, richtig, schön, sehr gut, super, prima, ja genau, ich verstehe, ach, na gut,
        passt, jep, jo, natürlich"""
    ),
    "it": _entries(
        """sì, si, certo, va bene, bene, ho capito, capito, d'accordo, esatto, giusto, ecco,
        perfetto, ah ecco, ottimo, molto bene, certamente, vero, già, capisco, benissimo"""
    ),
    "pt": _entries(
        """sim, certo, tá, tá bom, está bem, está bom, claro, entendi, percebi, pois, pois é, ok,
        bom, muito bem, isso, exato, exatamente, beleza, legal, perfeito, com certeza, compreendo,
        sei, aham"""
    ),
    "nl": _entries(
        """ja, jaja, precies, goed, oké, oke, ja hoor, klopt, prima, natuurlijk, begrepen, ik snap
        het, snap ik, ik begrijp het, oh ja, juist, heel goed, mooi, tuurlijk, is goed, zeker, top"""
    ),
    "ja": _entries(
        """はい, ええ, うん, うんうん, そうですか, そうですね, そうなんですね,
        なるほど, わかりました, 分かりました, へえ, へー, ほう, ああ, あー, はあ,
        了解です, かしこまりました, そうか, そっか, ですね"""
    ),
    "hi": _entries(
        """हाँ, हां, हाँ जी, हां जी, जी, जी हाँ, जी हां, अच्छा, ठीक है, ठीक, सही, सही है, बिल्कुल,
        समझ गया, समझ गई, हम्म, हूँ, ओके, haan, haan ji, ji, achha, accha, theek hai, thik hai,
        sahi, bilkul"""
    ),
}
_FAREWELLS: dict[str, tuple[str, ...]] = {
    "en": _entries(
        """bye, bye bye, goodbye, good bye, good night, good day, see you, see you later, see you
        then, see you soon, talk to you later, talk soon, take care, cheers, thanks, thank you,
        thanks a lot, many thanks, so much, very much, thank you so much, you too, and you, same
        to you, have a good one, have a nice day, have a good day, have a great day, have a nice
        evening, have a good evening, have a great evening, have a good night, have a nice
        weekend, have a good weekend, have a great weekend, will do, that's all, now, then"""
    ),
    "es": _entries(
        """adiós, adios, hasta luego, hasta pronto, hasta mañana, chao, chau, nos vemos, gracias,
        muchas gracias, igualmente, buen día, buenas tardes, buenas noches, que tenga buen día,
        que tenga un buen día, que le vaya bien, a usted, y usted también, cuídese"""
    ),
    "fr": _entries(
        """au revoir, à bientôt, à plus tard, à plus, à demain, salut, ciao, merci, merci beaucoup,
        merci bien, bonne journée, bonne soirée, bonne nuit, à vous aussi, vous aussi, de même,
        pareillement, et à vous, bon week-end, adieu, merci à vous"""
    ),
    "de": _entries(
        """tschüss, tschüs, tschüß, tschau, ciao, auf wiederhören, auf wiedersehen, wiederhören,
        wiedersehen, bis dann, bis bald, bis später, bis morgen, danke, danke schön, dankeschön,
        vielen dank, danke sehr, ihnen auch, gleichfalls, ebenso, ebenfalls, schönen tag, schönen
        tag noch, schönen abend, schönen abend noch, einen schönen tag, einen schönen tag noch,
        gute nacht, servus, ade, machen sie's gut, schönes wochenende, und, dann"""
    ),
    "it": _entries(
        """arrivederci, arrivederla, ciao, ciao ciao, a presto, a dopo, a domani, buona giornata,
        buona serata, buonanotte, buona notte, grazie, grazie mille, molte grazie, anche a lei,
        altrettanto, ci sentiamo, salve"""
    ),
    "pt": _entries(
        """tchau, adeus, até logo, até já, até mais, até amanhã, até breve, obrigado, obrigada, muito
        obrigado, muito obrigada, igualmente, bom dia, boa tarde, boa noite, tenha um bom dia, um
        bom dia, para você também, para si também, valeu"""
    ),
    "nl": _entries(
        """doei, dag, doeg, tot ziens, tot horens, tot straks, tot morgen, tot later, bedankt, dank
        u, dank u wel, dank je, dankjewel, dank je wel, dankuwel, fijne dag, fijne dag nog, fijne
        avond, fijn weekend, insgelijks, u ook, jij ook, hartelijk dank, hoi"""
    ),
    "ja": _entries(
        """さようなら, さよなら, 失礼します, 失礼いたします, では失礼します, では,
        それでは, じゃあ, じゃあね, またね, ありがとうございます,
        ありがとうございました, ありがとう, どうも, お願いします, よろしくお願いします,
        バイバイ"""
    ),
    "hi": _entries(
        """नमस्ते, अलविदा, बाय, बाय बाय, धन्यवाद, शुक्रिया, बहुत धन्यवाद, बहुत बहुत धन्यवाद, फिर
        मिलेंगे, आपका दिन शुभ हो, आपको भी, namaste, alvida, dhanyavaad, shukriya"""
    ),
}
# "No, thank you" answers "anything else?" as the caller takes leave. It is no answer to being put through.
_DECLINES: dict[str, tuple[str, ...]] = {
    "en": _entries(
        "no thanks, no thank you, no that's all, no that's it, that's it, that was all, nothing else, no bye"
    ),
    "es": _entries("no gracias, nada más, no nada más, eso es todo"),
    "fr": _entries("non merci, c'est tout, non c'est tout, rien d'autre"),
    "de": _entries("nein danke, nein vielen dank, das war's, das war alles, nein das war's, nein das war alles"),
    "it": _entries("no grazie, è tutto, nient'altro, no è tutto"),
    "pt": _entries("não obrigado, não obrigada, é tudo, mais nada, é só isso, só isso"),
    "nl": _entries("nee dank u, nee dank je, nee bedankt, dat was het, dat was alles, nee dat was het"),
    "ja": _entries("いいえ大丈夫です, 大丈夫です, 以上です, 結構です"),
    "hi": _entries("नहीं धन्यवाद, नहीं शुक्रिया, बस इतना ही"),
}
PICKUPS = _entries(
    """hello, hi, hey, yes, yeah, yep, good morning, good afternoon, good evening, morning,
        speaking, this is, hola, allo, allô, hallo, hallo ja, ja, ja hallo, oui, oui allô, pronto,
        sì pronto, alô, alo, oi, sim, bueno, diga, dígame, sí, もしもし, はい, はいもしもし, हेलो, हैलो, जी,
        हाँ, hallo met"""
)


def _language(tag: str) -> str:
    return tag.split("-")[0].lower()


def backchannels(language: str) -> tuple[str, ...]:
    """What listeners murmur in that language (a BCP-47 tag); of a language not listed, the hums
    alone."""
    return (*_HUMS, *_BACKCHANNELS.get(_language(language), ()))


def farewells(language: str) -> tuple[str, ...]:
    """How people take leave in that language; "bye" is said in all of them."""
    return (
        *_HUMS,
        *_BACKCHANNELS.get(_language(language), ()),
        *_FAREWELLS.get(_language(language), ()),
        "bye",
        "bye bye",
        "goodbye",
        "thank you",
    )


def declines(language: str) -> tuple[str, ...]:
    """How people say in that language that they need nothing more."""
    return _DECLINES.get(_language(language), ())
