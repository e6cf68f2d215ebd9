"""The words by which people dictate numbers, names and addresses, in the languages of western Europe."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from parley.conversation.words import word_set


class Length(NamedTuple):
    """How many digits such a number has; `most` 0 means that nobody knows."""

    least: int
    most: int


_DIGITS = {
    "en": "zero|oh|o|nought one two three four five six seven eight nine",
    "es": "cero uno|una dos tres cuatro cinco seis siete ocho nueve",
    "fr": "zéro un|une deux trois quatre cinq six sept huit neuf",
    "de": "null eins|ein zwei|zwo drei vier fünf sechs sieben acht neun",
    "it": "zero uno due tre quattro cinque sei sette otto nove",
    "pt": "zero um|uma dois|duas três|tres quatro cinco seis|meia sete oito nove",
    "nl": "nul een|één twee drie vier vijf zes zeven acht negen",
}
_BY_LANGUAGE = {
    language: {word: str(digit) for digit, words in enumerate(row.split()) for word in words.split("|")}
    for language, row in _DIGITS.items()
}
_ANY = {word: digit for row in reversed(_BY_LANGUAGE.values()) for word, digit in row.items()}
_PHONE = {"en": 10, "es": 9, "fr": 10, "de": 10, "it": 9, "pt": 9, "nl": 10}

TIMES = {"double": 2, "triple": 3, "doppel": 2, "doble": 2, "dubbel": 2, "doppia": 2, "duplo": 2}
BETWEEN_DIGITS = word_set(
    "uh um uhm er erm äh ähm euh eh dash hyphen minus strich bindestrich tiret guion guión trattino"
)

# Numbers that are whole with three digits: nobody in need is to be waited for.
SHORT_NUMBERS = word_set("911 112 999 110 000 988 113 115 118 190 192 193 15 17 18")
_PHONES = word_set(
    """phone telephone cell cellphone mobile callback landline whatsapp telefon telefonnummer handy handynummer
    mobilnummer rückrufnummer teléfono celular móvil téléphone portable telefono cellulare telefone telemóvel
    telefoonnummer mobiel reach"""
)
_CARDS = word_set("card tarjeta karte kreditkarte kartennummer carte cartão kaart kaartnummer creditcard")
_POSTAL = word_set("zip zipcode postcode postal postale plz postleitzahl cap cep")
_SHORT = word_set("pin cvv cvc")
_LAST = word_set("last ending ends letzten letzte últimos últimas derniers dernières ultime ultimi laatste")
_OWN = word_set(
    """my our your the mi nuestro su tu mon notre votre ton mein meine unsere ihre deine mio vostro suo tuo meu nosso
    seu teu mijn ons uw je"""
)
# Between the name of a number and the number: it is being said, not mentioned.
ANNOUNCING = word_set("is are it's that's was ist sind es son est c'est sont è sono é são zijn lautet")
# Behind one of these stands a number whose length nobody knows.
NUMBER_NOUNS = word_set(
    """number numbers nummer numéro número numero code código codice iban kundennummer bestellnummer kontonummer
    rechnungsnummer vertragsnummer auftragsnummer klantnummer rekeningnummer ordernummer bestelnummer"""
)

_BARE_NUMBERS = word_set("number nummer numéro número numero")

SPELLING = word_set(
    """spell spelled spelt spelling letter letters buchstabiere buchstabieren buchstabiert geschrieben épelle épeler
    épelez deletreo deletrear deletree lettera compitare soletrar soletro spelt spellen spel"""
)
LIKE = word_set("wie comme como come van")
FEW_ONE_LETTER_WORDS = word_set("en de nl")
ABBREVIATIONS = word_set("am pm us uk eu tv id ok ai it pc dj ac dc cv hr usa")
ALPHABET = word_set(
    """alpha alfa bravo charlie delta echo foxtrot golf hotel india juliet juliett kilo lima mike november oscar papa
    quebec romeo sierra tango uniform victor whiskey whisky xray yankee zulu anton berta cäsar dora emil friedrich
    gustav heinrich ida julius kaufmann ludwig martha nordpol otto paula quelle samuel siegfried theodor ulrich viktor
    wilhelm xanthippe ypsilon zeppelin"""
)

ADDRESS = word_set("email emails mail courriel correo gmail e-mail")
ADDRESS_ENDS = word_set("com net org edu gov info io de fr es it nl uk at ch be pt br eu")
MAIL_HOSTS = word_set("gmail yahoo hotmail outlook icloud aol gmx proton protonmail orange libero")
SURE_AT = word_set("arroba arobase chiocciola apenstaartje klammeraffe")
_DOTS = {"en": "dot", "es": "punto", "fr": "point", "de": "punkt", "it": "punto", "pt": "ponto", "nl": "punt"}


def primary(language: str) -> str:
    """A language without its region."""
    return language.split("-")[0].lower()


def digits(language: str) -> dict[str, str]:
    """What each digit is called; in every language we know where the caller's is another one."""
    return _BY_LANGUAGE.get(primary(language), _ANY)


def phone_digits(language: str) -> int:
    """With so many digits a phone number is probably complete."""
    return _PHONE.get(primary(language), 9)


def at_words(language: str) -> frozenset[str]:
    """What the @ of an address is called."""
    return SURE_AT | {"at"} if primary(language) not in ("es", "fr", "it", "pt") else SURE_AT


def dot_words(language: str) -> frozenset[str]:
    """What the dot of an address is called."""
    return frozenset({"dot", _DOTS.get(primary(language), "dot")})


def kind_of_number(said: Sequence[str], language: str) -> Length | None:
    """How long the number is that these words ask for or announce; None if they speak of none.

    Somebody's number, without more, is that of their phone.
    """
    words = frozenset(said)
    if words & _LAST and words & (_CARDS | NUMBER_NOUNS | {"four", "vier", "cuatro", "quatre", "quattro", "quatro"}):
        return Length(4, 4)
    if words & _SHORT:
        return Length(3, 4)
    if words & _POSTAL:
        return (
            Length(4, 4) if primary(language) == "nl" else Length(5, 5) if primary(language) != "pt" else Length(7, 8)
        )
    if words & _CARDS and words & NUMBER_NOUNS:
        return Length(15, 16)
    if words & _PHONES or any(one in _OWN and two in _BARE_NUMBERS for one, two in pairwise(said)):
        return Length(phone_digits(language), phone_digits(language))
    return Length(0, 0) if words & NUMBER_NOUNS else None
