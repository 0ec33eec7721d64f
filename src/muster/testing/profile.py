"""The suite that every Profile passes."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence

import pyarrow as pa
import pytest

from muster.errors import Corrupt, TooNew
from muster.profile import OpenProfile, Profile

__all__ = ["ProfileSuite"]

Rows = tuple[pa.RecordBatch, pa.RecordBatch | None]


class ProfileSuite:
    """Subclass it with the fixtures `empty`, a callable that makes an empty profile, and `rows`, some batches with their answers."""

    @pytest.fixture
    def empty(self) -> OpenProfile:
        raise TypeError("give a fixture `empty`")

    @pytest.fixture
    def rows(self) -> Sequence[Rows]:
        raise TypeError("give a fixture `rows`")

    def test_encode_and_decode_are_inverse(self, empty: OpenProfile, rows: Sequence[Rows]) -> None:
        profile = _filled(empty, rows)
        assert type(profile).decode(profile.encode()).encode() == profile.encode()
        assert type(profile).decode(profile.encode()).figures() == profile.figures()

    def test_an_empty_profile_changes_nothing(self, empty: OpenProfile, rows: Sequence[Rows]) -> None:
        profile = _filled(empty, rows)
        before = profile.encode()
        profile.merge(empty())
        assert profile.encode() == before

    @pytest.mark.parametrize("shards", [1, 2, 7])
    def test_shards_merged_in_order_give_the_same_bytes(
        self, empty: OpenProfile, rows: Sequence[Rows], shards: int
    ) -> None:
        """Shards are runs of whole batches: float sums are exact here because each batch is summed by itself either way."""
        parts = [_filled(empty, [row]) for row in rows]
        whole = empty()
        for part in parts:
            whole.merge(part)
        merged = empty()
        for start in range(0, len(parts), -(-len(parts) // shards)):
            for part in parts[start : start + -(-len(parts) // shards)]:
                merged.merge(part)
        assert merged.encode() == whole.encode()

    def test_counts_merge_to_the_same_in_any_order(self, empty: OpenProfile, rows: Sequence[Rows]) -> None:
        parts = [_filled(empty, [row]) for row in rows]
        expected = _counts(_merged(empty, parts))
        for seed in range(5):
            shuffled = random.Random(seed).sample(parts, len(parts))
            assert _counts(_merged(empty, shuffled)) == expected

    def test_figures_are_json(self, empty: OpenProfile, rows: Sequence[Rows]) -> None:
        assert json.loads(json.dumps(_filled(empty, rows).figures(), allow_nan=False))
        json.dumps(empty().figures(), allow_nan=False)

    def test_a_later_release_is_refused(self, empty: OpenProfile) -> None:
        profile = empty()
        name, _, version = profile.format.rpartition("/")
        later = profile.encode().replace(f"{name}/{version}".encode(), f"{name}/{int(version) + 1}".encode())
        assert later != profile.encode()
        with pytest.raises(TooNew):
            type(profile).decode(later)

    @pytest.mark.parametrize("data", [b"", b"{}", b"[1]", b"\x00\xff", b'{"format": "muster.other/1"}'])
    def test_other_bytes_are_refused(self, empty: OpenProfile, data: bytes) -> None:
        with pytest.raises(Corrupt):
            type(empty()).decode(data)


def _filled(empty: OpenProfile, rows: Sequence[Rows]) -> Profile:
    profile = empty()
    for batch, answer in rows:
        profile.update(batch, answer)
    return profile


def _merged(empty: OpenProfile, parts: Sequence[Profile]) -> Profile:
    merged = empty()
    for part in parts:
        merged.merge(part)
    return merged


def _counts(profile: Profile) -> object:
    """The figures that are whole numbers, or lists and objects of them."""
    return {k: v for k, v in profile.figures().items() if not isinstance(v, float)}
