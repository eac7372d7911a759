"""Addresses as they are compared: without accents, capitals, punctuation and the many ways to shorten a street.

Both the addresses that are loaded and what a person types go through here, so that they meet in the middle.
Words are folded to their short form, since a person who types stops in the middle of the long one.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

#: Kinds of street and directions, of postal guides and not of any one city. A word of two meanings (St: street
#: or saint) has one short form, which is all that comparing needs.
_SHORT = {
    short: short_forms.split()
    for short, short_forms in {
        "al": "alley ally aly",
        "av": "avenue ave aven avenida avda",
        "bd": "boulevard blvd boul bulevar",
        "br": "bridge brg",
        "cir": "circle crcl",
        "cl": "close",
        "cres": "crescent cresc",
        "ct": "court",
        "dr": "drive drv",
        "e": "east este est",
        "exp": "expressway expy expwy",
        "frwy": "freeway fwy",
        "gdn": "gardens garden gdns",
        "gr": "grove grv",
        "hts": "heights",
        "hwy": "highway hiway",
        "jct": "junction",
        "ln": "lane",
        "mt": "mount",
        "n": "north nord norte",
        "ne": "northeast",
        "nw": "northwest",
        "pk": "parkway pkwy pky",
        "pl": "place platz plaza plz",
        "pt": "point",
        "rd": "road",
        "s": "south sud sur",
        "se": "southeast",
        "sq": "square",
        "st": "street str strasse saint sankt",
        "sw": "southwest",
        "ter": "terrace terr",
        "tpk": "turnpike tpke",
        "trl": "trail",
        "w": "west ouest oeste",
        "wy": "way weg",
    }.items()
}
_FOLDED = {long: short for short, longs in _SHORT.items() for long in longs}
#: Words that many streets share and that tell none of them from another.
_PLAIN = frozenset(_SHORT)

#: Letters that have no accent to lose.
_LETTERS = str.maketrans({"æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ł": "l", "ı": "i", "’": "", "'": "", "ʻ": ""})
#: 12, 12a, 12-34, 12/2; or any word.
_TOKEN = re.compile(r"\d+\w*(?:[-/]\d+\w*)*|\w+")
_ORDINAL = re.compile(r"(\d+)(?:st|nd|rd|th)")
#: German writes kind and name as one word: Hauptstrasse, Hauptstr.
_JOINED = re.compile(r"(\w{3,})(?:strasse|str)")


@dataclass(frozen=True)
class Reading:
    """One way to read what was typed."""

    #: House number, folded; empty where none was typed.
    number: str
    #: What is left: street, city, region and postcode in any order, folded.
    rest: str
    #: `rest` without what many streets share.
    core: str


def folded(text: str) -> str:
    """`"12 Máin Street, Apt. 4"` → `"12 main st apt 4"`; empty where there is neither letter nor digit."""
    return " ".join(_tokens(text))


def core(name: str) -> str:
    """The words of a street's name that tell it from others: `"N Willow Street"` → `"willow"`.

    All of them where there are none such: North Street, Avenue.
    """
    return _core(list(_tokens(name)))


def folded_number(number: str) -> str:
    """`"12-34 A"` → `"12-34a"`."""
    return "".join(_tokens(number))


def readings(text: str) -> list[Reading]:
    """The ways to read what was typed, the likeliest first; none where it has neither letter nor digit.

    A number at the front is a house number ("12 Main St"), else one further on is ("Hauptstr. 12"); and any may be
    part of the street's name ("42nd St").
    """
    tokens = list(_tokens(text))
    ways: list[Reading] = []
    numbers = [place for place, token in enumerate(tokens) if token[0].isdigit()]
    for place in dict.fromkeys([*numbers[:1], *numbers[-1:]]):
        rest = tokens[:place] + tokens[place + 1 :]
        # Without a name of its own the number is the name: "42 St" is no house 42 of every street.
        if any(token not in _PLAIN for token in rest):
            ways.append(Reading(tokens[place], " ".join(rest), _core(rest)))
    if tokens:
        ways.append(Reading("", " ".join(tokens), _core(tokens)))
    return ways


def _core(tokens: list[str]) -> str:
    return " ".join([token for token in tokens if token not in _PLAIN] or tokens)


def _tokens(text: str) -> Iterator[str]:
    decomposed = unicodedata.normalize("NFKD", text.casefold().translate(_LETTERS))
    plain = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    for token in _TOKEN.findall(plain.replace("_", " ")):
        if ordinal := _ORDINAL.fullmatch(token):
            yield ordinal[1]
        elif joined := _JOINED.fullmatch(token):
            yield from (joined[1], "st")
        else:
            yield _FOLDED.get(token, token)
