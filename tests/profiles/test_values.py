from __future__ import annotations

import numpy as np
import pytest

from muster.profiles.cells import CellCounts, together
from muster.profiles.keys import hash_runs, hash_texts, mixed
from muster.profiles.values import SAMPLED, Sample, Values

_ALL = (1 << 64) - 1


def values(codes: np.typing.NDArray[np.int64], most: int = 256) -> Values:
    found = Values(most)
    found.add(*np.unique(codes, return_counts=True))
    return found


def bits(found: Values) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in found.arrays().items()}


@pytest.mark.parametrize("distinct", [100, 256, 257, 3_000, 20_000])
@pytest.mark.parametrize("shards", [1, 2, 7, 100])
def test_values_and_their_sample_are_the_same_bits_in_any_order(distinct: int, shards: int) -> None:
    draw = np.random.default_rng(distinct)
    codes = draw.zipf(1.3, 40_000) % distinct * 7_919 - 1_000
    whole = values(codes)
    for seed in range(2):
        order = np.random.default_rng(seed).permutation(len(codes))
        parts = [values(codes[order[n::shards]]) for n in range(shards)]
        while len(parts) > 1:
            a, b = np.random.default_rng(seed + len(parts)).choice(len(parts), 2, replace=False)
            parts[a].merge(parts[b])
            del parts[b]
        streamed = Values(256)
        for part in np.array_split(codes[order], shards):
            streamed.add(*np.unique(part, return_counts=True))
        assert bits(parts[0]) == bits(whole) == bits(streamed)


def test_a_sample_counts_its_values_exactly() -> None:
    draw = np.random.default_rng(2)
    codes = draw.integers(0, 5_000, 60_000)
    streamed = Values(256)
    for part in np.array_split(codes, 60):
        streamed.add(*np.unique(part, return_counts=True))
    sample = streamed.sample
    assert sample is not None
    found, times = np.unique(mixed(codes.view(np.uint64)), return_counts=True)
    assert sample.hashes.tolist() == found[:SAMPLED].tolist()
    assert sample.counts.tolist() == times[:SAMPLED].tolist()


def test_distinct_values_are_counted_until_the_sample_is_full() -> None:
    for distinct in (256, 257, SAMPLED - 1):
        assert values(np.arange(distinct)).distinct().to_json() == {"value": distinct, "error": 0.0, "exact": True}
    assert not values(np.arange(2 * SAMPLED)).distinct().to_json()["exact"]


def test_estimates_are_off_by_their_error_and_not_to_one_side() -> None:
    off = []
    for seed in range(300):
        sample = Sample()
        hashes = np.sort(np.random.default_rng(seed).integers(0, 1 << 64, 10_000, np.uint64))
        sample.add(hashes, np.ones(10_000, np.int64))
        told = sample.distinct()
        off.append((told.value / 10_000 - 1) / told.error)
    assert abs(np.mean(off)) < 0.2
    assert 0.8 < np.std(off) < 1.1


def test_cells_of_two_are_put_beside_each_other() -> None:
    a, b = CellCounts(4), CellCounts(4)
    a.add(np.array([1, 1, 2]))
    b.add(np.arange(16))
    shift, cells, in_a, in_b = together(a, b)
    assert (shift, cells.tolist()) == (2, [0, 1, 2, 3])
    assert (in_a[:, 0].tolist(), in_b[:, 0].tolist()) == ([3, 0, 0, 0], [4, 4, 4, 4])
    assert a.shift == 0


def test_hashes_depend_on_the_bytes_of_a_text_alone() -> None:
    texts = ["", "a", "b", "ab", "ba", "a\0", "\0", "\0\0", *("x" * n for n in (7, 8, 9, 16, 511, 512, 513, 5_000))]
    data = "".join(texts).encode()
    offsets = np.concatenate([[0], np.cumsum([len(t) for t in texts])])
    whole = hash_texts(offsets, np.frombuffer(data, np.uint8))
    assert len(set(whole.tolist())) == len(texts)
    for text, expected in zip(texts, whole, strict=True):
        alone = np.frombuffer(b"..." + text.encode(), np.uint8)
        assert hash_runs(alone, np.array([3]), np.array([len(text)])).tolist() == [expected]
    part = hash_texts(offsets[4:9], np.frombuffer(data, np.uint8))
    assert part.tolist() == whole[4:8].tolist()
    assert hash_texts(np.zeros(1, np.int64), np.empty(0, np.uint8)).tolist() == []


def test_hashes_stay_what_they_are() -> None:
    """Stored profiles have them."""
    texts = [b"", b"Berlin", b"0123456789abcdef", bytes(range(256)) * 3]
    offsets = np.concatenate([[0], np.cumsum([len(t) for t in texts])])
    found = hash_texts(offsets, np.frombuffer(b"".join(texts), np.uint8)).tolist()
    assert found == [_plainly(text) for text in texts]
    assert [f"{n:016x}" for n in found[:2]] == ["a706dd2f4d197e6f", "5eb495655c3c56af"]


def _plainly(text: bytes) -> int:
    """The same by single numbers: the sum of the words of 8 bytes, each scattered with its place, and of the length."""

    def scattered(z: int) -> int:
        z = z + 0x9E3779B97F4A7C15 & _ALL
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & _ALL
        z = (z ^ z >> 27) * 0x94D049BB133111EB & _ALL
        return z ^ z >> 31

    words = [int.from_bytes(text[at : at + 8], "little") for at in range(0, len(text), 8)]
    return scattered(
        sum([scattered(len(text)), *(scattered(w + scattered(n) & _ALL) for n, w in enumerate(words))]) & _ALL
    )


def test_hashes_of_neighbours_are_scattered() -> None:
    texts = [f"user-{n:08d}" for n in range(100_000)] + [c * n for c in "ab" for n in range(1, 2_000, 13)]
    offsets = np.concatenate([[0], np.cumsum([len(t) for t in texts])])
    hashes = hash_texts(offsets, np.frombuffer("".join(texts).encode(), np.uint8))
    assert len(np.unique(hashes)) == len(texts)
    for shift in (52, 0):
        cells = np.bincount(
            ((hashes[:100_000] >> np.uint64(shift)) & np.uint64(0xFFF)).astype(np.int64), minlength=4_096
        )
        assert 3_700 < (cells - 100_000 / 4_096).var() / (100_000 / 4_096) * 4_096 < 4_500
