"""The number people read out, type and compare: seven random characters and a check character.

Crockford's base 32 has no I, L, O or U, so a number survives handwriting; Luhn mod 32 (ISO/IEC 7812
Annex B, generalised to 32 characters) catches every single wrong character and most swaps of
neighbours. 35 random bits: with a million requests a guess hits one in 34,000 times, and finds no more
than the public may read.
"""

import secrets

from stdnum import luhn

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LOOKALIKES = str.maketrans({"I": "1", "L": "1", "O": "0", "-": "", " ": ""})


def make() -> str:
    """A new number such as "7K3F-9QTD"."""
    code = "".join(secrets.choice(ALPHABET) for _ in range(7))
    return _grouped(code + luhn.calc_check_digit(code, ALPHABET))


def normalise(text: str) -> str | None:
    """The number a person meant ("7k3f 9qtd", "7K3F9QTD"), or None where the check character denies it."""
    code = text.upper().translate(_LOOKALIKES)
    if len(code) != 8 or not luhn.is_valid(code, ALPHABET):
        return None
    return _grouped(code)


def _grouped(code: str) -> str:
    return f"{code[:4]}-{code[4:]}"
