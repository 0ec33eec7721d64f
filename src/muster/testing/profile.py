"""The suite that every Profile passes."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Mapping, Sequence

import pyarrow as pa
import pytest

from muster.errors import Corrupt, TooNew
from muster.profile import OpenProfile, Profile, Rows

__all__ = ["Counted", "ProfileSuite"]

Counted = tuple[Rows, pa.RecordBatch | None]
"""Rows, and what was predicted for them."""


class ProfileSuite:
    """Subclass it with the fixtures `empty`, a callable that makes an empty profile, and `rows`, some rows with their answers."""

    @pytest.fixture
    def empty(self) -> OpenProfile:
        raise TypeError("give a fixture `empty`")

    @pytest.fixture
    def rows(self) -> Sequence[Counted]:
        raise TypeError("give a fixture `rows`")

    def test_encode_and_decode_are_inverse(self, empty: OpenProfile, rows: Sequence[Counted]) -> None:
        profile = _filled(empty, rows)
        assert type(profile).decode(profile.encode()).encode() == profile.encode()
        assert type(profile).decode(profile.encode()).figures() == profile.figures()

    def test_an_empty_profile_changes_nothing(self, empty: OpenProfile, rows: Sequence[Counted]) -> None:
        profile = _filled(empty, rows)
        before = profile.encode()
        profile.merge(empty())
        assert profile.encode() == before

    def test_merging_again_in_the_same_order_gives_the_same_bytes(
        self, empty: OpenProfile, rows: Sequence[Counted]
    ) -> None:
        parts = [_filled(empty, [row]) for row in rows]
        decoded = [type(p).decode(p.encode()) for p in parts]
        assert _merged(empty, parts).encode() == _merged(empty, decoded).encode()

    @pytest.mark.parametrize("shards", [1, 2, 7, 100])
    def test_shards_merged_in_any_order_say_the_same(
        self, empty: OpenProfile, rows: Sequence[Counted], shards: int
    ) -> None:
        """Counts and texts are equal, float sums to rounding."""
        expected = _merged(empty, [_filled(empty, [row]) for row in rows]).figures()
        for seed in range(3):
            shuffled = random.Random(seed).sample(list(rows), len(rows))
            merged = _merged(empty, [_filled(empty, shuffled[n::shards]) for n in range(shards)])
            assert merged.figures() == _Nearly(expected)

    def test_figures_are_json(self, empty: OpenProfile, rows: Sequence[Counted]) -> None:
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


def _filled(empty: OpenProfile, rows: Sequence[Counted]) -> Profile:
    profile = empty()
    for counted, answer in rows:
        profile.update(counted, answer)
    return profile


def _merged(empty: OpenProfile, parts: Sequence[Profile]) -> Profile:
    merged = empty()
    for part in parts:
        merged.merge(part)
    return merged


class _Nearly:
    """Equal to a figure whose numbers are the same, floats to rounding."""

    def __init__(self, figure: object) -> None:
        self._figure = figure

    def __eq__(self, other: object) -> bool:
        match self._figure, other:
            case float() as a, float() as b:
                return a == b or math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12)
            case Mapping() as a, Mapping() as b:
                return a.keys() == b.keys() and all(_Nearly(a[k]) == b[k] for k in a)
            case (list() | tuple()) as a, (list() | tuple()) as b:
                return len(a) == len(b) and all(_Nearly(x) == y for x, y in zip(a, b, strict=True))
            case a, b:
                return bool(a == b)

    __hash__ = None  # type: ignore[assignment]  # equal to things of other hashes

    def __repr__(self) -> str:
        return f"nearly {self._figure!r}"
