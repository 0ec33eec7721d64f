"""Numbers as whole numbers in the same order, so that they are counted in cells that no data has chosen.

A probability has one of 16,386 cells: one for exactly 0, one for exactly 1, and between them 256 to each halving of p below 0.5 and of
1 - p above, down to 2**-33. Any other number is its own bits. Both are pure bit arithmetic: the same cell on every machine.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

__all__ = [
    "CELLS",
    "Cells",
    "cell_edges",
    "hash_rows",
    "hash_runs",
    "hash_texts",
    "mixed",
    "ordered",
    "probability_cells",
    "probability_codes",
    "probability_of",
    "unordered",
    "wide_codes",
    "wide_shift",
]

Cells = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Hashes = npt.NDArray[np.uint64]

_SIGN = np.int64(0x7FFF_FFFF_FFFF_FFFF)
_INFINITE = np.float64(np.inf).view(np.int64)
_STEPS, _HALVINGS = 256, 32
_SIDE = _STEPS * _HALVINGS
CELLS = 2 * _SIDE + 2
_DROP = 52 - 8  # of the 52 bits of a double's fraction, the first 8 tell the 256 steps of a halving
_SHORT = 64  # words of a text that are hashed one place after the other, for all texts at once
_FIRST_BYTES = np.array([0, *((1 << (8 * n)) - 1 for n in range(1, 9))], np.uint64)
_HALF = int(np.float64(0.5).view(np.int64))
_LOWEST = int(np.float64(2.0 ** -(_HALVINGS + 1)).view(np.int64)) >> _DROP


def ordered(values: Floats) -> Cells:
    """Whole numbers in the order of the doubles; 0.0 and -0.0 are one. NaN has no place."""
    bits = (np.asarray(values, np.float64) + 0.0).view(np.int64)
    return bits ^ ((bits >> 63) & _SIGN)


def unordered(keys: Cells) -> Floats:
    """The doubles of these whole numbers, as no double has some at which cells may end: those beyond the infinities give these, and
    that of -0.0 the number before it.
    """
    keys = np.clip(np.asarray(keys, np.int64), -_INFINITE - 1, _INFINITE)
    keys = np.where(keys == -1, -2, keys)
    return (keys ^ ((keys >> 63) & _SIGN)).view(np.float64)


def probability_cells(values: Floats) -> Cells:
    """The cell of each probability: for 0 < c < 16,385 those in [edges[c], edges[c + 1]). All must lie within [0, 1]."""
    p = np.asarray(values, np.float64)
    above = p >= 0.5
    bits = np.where(above, 1.0 - p, p).view(np.int64)
    # Above the middle a cell is closed where 1 - p is largest, which the double before it has the bits of.
    step = np.maximum(((bits - above) >> _DROP) - _LOWEST, 0)
    cells = np.where(above, 2 * _SIDE - step, 1 + step)
    cells[p == 0.0] = 0
    cells[p == 1.0] = CELLS - 1
    return cells


def probability_codes(values: Floats) -> Cells:
    """Each probability as a whole number in the same order: its bits below 0.5, and above as far from the end as those of 1 - p.

    So they are as fine near 1 as near 0. Cells of probabilities are runs of these numbers.
    """
    p = np.asarray(values, np.float64) + 0.0
    above = p >= 0.5
    bits = np.where(above, 1.0 - p, p).view(np.int64)
    return np.where(above, 2 * _HALF - bits, bits)


def probability_of(codes: Cells) -> Floats:
    """The probabilities of these whole numbers; the ends of what there are for those beyond."""
    codes = np.clip(np.asarray(codes, np.int64), 0, 2 * _HALF)
    above = codes >= _HALF
    p = np.where(above, 2 * _HALF - codes, codes).view(np.float64)
    return np.where(above, 1.0 - p, p)


def wide_shift(by: int) -> int:
    """How many bits of a code tell no wide cells apart, which take `by` cells together."""
    return _DROP + by.bit_length() - 1


def wide_codes(by: int) -> Cells:
    """The least code of each wide cell: of exactly 0, of those between, and of exactly 1."""
    steps = np.arange(0, _SIDE, by, dtype=np.int64)
    below = (_LOWEST + steps) << _DROP
    above = 2 * _HALF - ((_LOWEST + steps + by) << _DROP)
    return np.concatenate([[0], below, above[::-1], [2 * _HALF]])


@cache
def cell_edges() -> Floats:
    """The least probability of each cell, and 1 once more as the end of the last."""
    steps = ((np.arange(_SIDE + 1, dtype=np.int64) + _LOWEST) << _DROP).view(np.float64)
    lower = steps[:-1].copy()
    lower[0] = np.nextafter(0.0, 1.0)
    edges = np.concatenate([[0.0], lower, 1.0 - steps[:0:-1], [1.0, 1.0]])
    edges.flags.writeable = False
    return edges


def mixed(hashes: Hashes) -> Hashes:
    """Each number scattered over all 64 bits (the finaliser of splitmix64, Steele, Lea and Flood 2014)."""
    z = hashes + np.uint64(0x9E37_79B9_7F4A_7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58_476D_1CE4_E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D0_49BB_1331_11EB)
    return z ^ (z >> np.uint64(31))


def hash_rows(file: int, numbers: npt.NDArray[np.int64]) -> Hashes:
    """A number for each row of a file that is the same wherever and however the row is read."""
    return mixed(mixed(numbers.view(np.uint64)) + np.uint64(file))


def hash_texts(offsets: npt.NDArray[np.int64], data: npt.NDArray[np.uint8]) -> Hashes:
    """A number for each run of bytes `data[offsets[i]:offsets[i + 1]]`. No loop over rows."""
    first, last = int(offsets[0]), int(offsets[-1])
    return hash_runs(data[first:last], offsets[:-1] - first, np.diff(offsets))


def hash_runs(data: npt.NDArray[np.uint8], starts: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64]) -> Hashes:
    """A number for each run of `lengths[i]` bytes at `starts[i]`: the sum of its words of 8 bytes, each scattered by its place."""
    padded = np.concatenate([data, np.zeros(8, np.uint8)])
    words = np.ndarray(len(data) + 1, "<u8", padded.data, strides=(1,))
    hashes = mixed(lengths.astype(np.uint64))
    longest = int(lengths.max(initial=0))
    rows = np.arange(len(lengths))
    for place in range(min(_SHORT, -(-longest // 8))):
        if (short := lengths <= 8 * place).any():
            rows, starts, lengths = rows[~short], starts[~short], lengths[~short]
        word = words[starts + 8 * place] & _FIRST_BYTES[np.minimum(lengths - 8 * place, 8)]
        hashes[rows] += mixed(word + mixed(np.array([place], np.uint64)))
    if longest > 8 * _SHORT:
        long = lengths > 8 * _SHORT
        hashes[rows[long]] += _rest(words, starts[long] + 8 * _SHORT, lengths[long] - 8 * _SHORT)
    return mixed(hashes)


def _rest(words: Hashes, starts: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64]) -> Hashes:
    """What the words after the first `_SHORT` add."""
    count = -(-lengths // 8)
    firsts = np.cumsum(count) - count
    place = np.arange(int(count.sum())) - np.repeat(firsts, count)
    left = np.repeat(lengths, count) - 8 * place
    word = words[np.repeat(starts, count) + 8 * place] & _FIRST_BYTES[np.minimum(left, 8)]
    return np.add.reduceat(mixed(word + mixed((place + _SHORT).astype(np.uint64))), firsts)
