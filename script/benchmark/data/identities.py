"""Ids and numbers of many rows at once."""

import numpy as np
import numpy.typing as npt

from requests311.numbers import ALPHABET

_BITS_35 = (1 << 35) - 1


def uuid7s(milliseconds: npt.NDArray[np.int64], rng: np.random.Generator) -> list[str]:
    """UUIDv7 (RFC 9562) as 32 hex digits, whose time is `milliseconds` since 1970."""
    count = len(milliseconds)
    high = (milliseconds.astype(np.uint64) << np.uint64(16)) | np.uint64(0x7000)
    high |= rng.integers(0, 1 << 12, count, dtype=np.uint64)
    low = rng.integers(0, 1 << 62, count, dtype=np.uint64) | np.uint64(1 << 63)
    text = np.column_stack([high, low]).astype(">u8").tobytes().hex()
    return [text[at : at + 32] for at in range(0, 32 * count, 32)]


def numbers(first: int, count: int) -> list[str]:
    """The numbers people read out, of the rows `first`, `first` + 1 …: different ones for different rows.

    The row is mixed by a one-to-one function of 35 bits, so that none comes twice however many are asked for.
    """
    mixed = np.arange(first, first + count, dtype=np.uint64) & np.uint64(_BITS_35)
    for factor, term in ((0x5_9E37_79B1, 0x3_1415_9265), (0x2_C2B2_AE3D, 0x2_7182_8182)):
        mixed = (mixed * np.uint64(factor) + np.uint64(term)) & np.uint64(_BITS_35)
        mixed ^= mixed >> np.uint64(18)
    digits = np.stack([(mixed >> np.uint64(5 * place)) & np.uint64(31) for place in range(6, -1, -1)], axis=1)
    # Luhn mod 32 as requests311.numbers has it: every second digit from the right is doubled, carries added.
    doubled = digits[:, ::2] * np.uint64(2)
    total = (doubled // np.uint64(32) + doubled % np.uint64(32)).sum(axis=1) + digits[:, 1::2].sum(axis=1)
    check = (np.uint64(32) - total % np.uint64(32)) % np.uint64(32)
    letters = np.frombuffer(ALPHABET.encode(), dtype=np.uint8)
    shown = np.empty((count, 9), dtype=np.uint8)
    shown[:, :4] = letters[digits[:, :4]]
    shown[:, 4] = ord("-")
    shown[:, 5:8] = letters[digits[:, 4:]]
    shown[:, 8] = letters[check]
    text = shown.tobytes().decode()
    return [text[at : at + 9] for at in range(0, 9 * count, 9)]
