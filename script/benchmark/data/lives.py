"""How reports fare: the moves each would make, and those that have been made by now."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from requests311.statuses import Status

_A, _W, _S = Status.ACKNOWLEDGED, Status.IN_PROGRESS, Status.ASSIGNED
_R, _C, _H = Status.RESOLVED, Status.CLOSED, Status.ON_HOLD

#: Share of all reports, and the moves after `submitted`. What takes long is still open today.
LIVES: tuple[tuple[float, tuple[Status, ...]], ...] = (
    (0.42, (_A, _R, _C)),
    (0.27, (_A, _W, _R, _C)),
    (0.09, (_A, _S, _W, _R, _C)),
    (0.06, (_A, Status.REJECTED)),
    (0.04, (Status.REJECTED,)),
    (0.03, (Status.WITHDRAWN,)),
    (0.03, (_A, _H, _W, _R, _C)),
    (0.02, (_A, _W, _R, _A, _R, _C)),
    (0.025, (_A, _S)),
    (0.015, (_A, _H)),
)
#: Days until the move, in the middle of all; a few take many times as long.
DAYS = {
    _A: 0.4,
    _S: 1.0,
    _W: 2.0,
    _R: 3.0,
    _C: 7.0,
    _H: 2.0,
    Status.REJECTED: 1.5,
    Status.WITHDRAWN: 0.5,
}
_SPREAD = 1.0
_DAY = 86_400_000
MOST_MOVES = max(len(moves) for _, moves in LIVES)


@dataclass(frozen=True)
class Lives:
    """Of each report: which of LIVES, how many of its moves are made, and when (milliseconds since 1970)."""

    kind: npt.NDArray[np.int64]
    made: npt.NDArray[np.int64]
    moments: npt.NDArray[np.int64]


def lives(submitted: npt.NDArray[np.int64], now: int, rng: np.random.Generator) -> Lives:
    """`submitted` and `now` are milliseconds since 1970."""
    count = len(submitted)
    kind = rng.choice(len(LIVES), count, p=[share for share, _ in LIVES])
    middle = np.full((len(LIVES), MOST_MOVES), np.inf)
    for at, (_, moves) in enumerate(LIVES):
        middle[at, : len(moves)] = [DAYS[move] for move in moves]
    with np.errstate(invalid="ignore"):
        delays = middle[kind] * rng.lognormal(0, _SPREAD, (count, MOST_MOVES)) * _DAY + 1000
    after = np.minimum(np.cumsum(delays, axis=1), 1e15)
    moments = submitted[:, None] + after.astype(np.int64)
    return Lives(kind, (moments <= now).sum(axis=1), moments)
