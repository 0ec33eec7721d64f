"""Profiles of agreements: the same in any order, stored to the bit, opened by every later release, and damage is refused."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from muster.errors import Corrupt, InvalidInput, TooNew
from muster.profile import Rows
from muster.profiles.agreement import AgreementProfile
from muster.profiles.answered import FIRST, SECOND, Pair
from muster.profiles.question import Question
from muster.profiles.stored import pack, unpack
from muster.signature import Output
from tests.metrics.agreed import Twice, binary, numbers, several
from tests.profiles.make_agreements import STORED, figures, measured, pairs
from tests.profiles.test_stored_evaluations import nearly

FILES = sorted(STORED.glob("agreement-*.bin"))
KINDS: dict[str, Twice] = {
    "binary": binary(1, 30_000),
    "several": several(2, 4, 2_000),
    "numbers": numbers(3, 40_000),
    "weighted": binary(4, 3_000).weighted(),
}


@pytest.mark.parametrize("kind", KINDS)
def test_counts_are_the_same_bits_in_any_order(kind: str) -> None:
    """However rows are cut and merged; floats but to rounding."""
    rows = KINDS[kind]
    batch = _batch(rows)
    whole = AgreementProfile(rows.pair())
    whole.update(Rows(batch))
    for seed, cuts in ((1, 2), (2, 7), (3, 100)):
        ends = [0, *sorted(random.Random(seed).sample(range(1, len(rows)), cuts - 1)), len(rows)]
        pieces = []
        for start, end in pairwise(ends):
            piece = AgreementProfile(rows.pair())
            piece.update(Rows(batch.slice(start, end - start), 0, start))
            pieces.append(piece)
        random.Random(seed).shuffle(pieces)
        half = AgreementProfile(rows.pair())
        for piece in pieces[1::2]:
            half.merge(piece)
        merged = AgreementProfile(rows.pair())
        for piece in [half, *pieces[::2]]:
            merged.merge(piece)
        assert (merged.digest, merged.rows, merged.only) == (whole.digest, whole.rows, whole.only)
        assert merged.moved.furthest == whole.moved.furthest
        for name, array in whole.whole.arrays().items():
            its = merged.whole.arrays()[name]
            if array.dtype.kind == "f":
                assert its == pytest.approx(array, rel=1e-9, abs=1e-9)
            else:
                assert (its == array).all(), name


def _batch(rows: Twice) -> pa.RecordBatch:
    (batch,) = rows.table().combine_chunks().to_batches()
    return batch


@pytest.mark.parametrize("kind", KINDS)
def test_the_rows_that_moved_most_are_those(kind: str) -> None:
    rows = KINDS[kind]
    moves = rows.moves
    found = rows.profile(5).moved.furthest
    assert sorted(abs(m.move) for m in found) == pytest.approx(sorted(np.abs(moves))[-5:])
    for one in found:
        assert one.move == moves[one.row]
        assert one.values == {"n": one.row}
        assert one.actual == rows.actual[one.row]
        if rows.classes:
            assert (one.first, one.second) == tuple(rows.labels(of)[one.row] for of in (rows.first, rows.second))
        else:
            assert (one.first, one.second) == (rows.first[one.row], rows.second[one.row])


def test_of_equal_moves_the_least_hash_is_kept() -> None:
    rows = Twice(np.zeros(1_000, np.int64), np.full(1_000, 0.2), np.full(1_000, 0.4), 2)
    hashes = [m.hash for m in rows.profile(7).moved.furthest]
    assert hashes == sorted(hashes)
    assert hashes == [m.hash for m in rows.profile(1).moved.furthest]


def test_rows_that_one_cannot_predict_count_for_none() -> None:
    output = Output("binary", pa.string(), ("no", "yes"), True)
    asked = Question(output=output, target="y")
    profile = AgreementProfile(Pair(asked, asked))
    batch = pa.record_batch({"y": ["no", "yes", "no", None, "perhaps", "yes"]})

    def answer(*given: float | None) -> pa.StructArray:
        labels = [None if p is None else "yes" if p >= 0.5 else "no" for p in given]
        lists = pa.array([None if p is None else [1 - p, p] for p in given], pa.list_(pa.float64(), 2))
        return pa.record_batch({"prediction": labels, "probabilities": lists}).to_struct_array()

    answers = {FIRST: answer(0.1, None, 0.7, 0.2, 0.9, None), SECOND: answer(0.2, 0.6, None, 0.1, 0.9, None)}
    profile.update(Rows(batch, 0, 0, (6, 7)), pa.record_batch(answers))
    assert profile.figures() == {
        "rows": 8,
        "counted": 1,
        "only": [1, 1],
        "neither": 5,
        "left_out": [
            {"class: perhaps": 1, "failed": 2, "no target": 1, "unread": 2},
            {"class: perhaps": 1, "failed": 2, "no target": 1, "unread": 2},
        ],
    }


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_format_opens_with_its_figures(path: Path) -> None:
    profile = AgreementProfile.decode(path.read_bytes())
    assert figures(profile) == nearly(json.loads(path.with_suffix(".json").read_text(encoding="utf-8")))
    rows = profile.whole.rows
    profile.merge(AgreementProfile.decode(path.read_bytes()))
    assert profile.whole.rows == 2 * rows


def test_the_format_of_today_has_stored_profiles_with_the_figures_of_today() -> None:
    number = AgreementProfile.format.rpartition("/")[2]
    for name, pair in pairs().items():
        stored = AgreementProfile.decode((STORED / f"agreement-{number}-{name}.bin").read_bytes())
        assert stored.pair == pair
        assert figures(stored) == nearly(figures(measured(pair)))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_is_cut_or_changed_is_refused_or_whole(path: Path) -> None:
    data, chance = path.read_bytes(), random.Random(5)
    for cut in (0, 1, 50, len(data) // 2, len(data) - 1):
        with pytest.raises(Corrupt):
            AgreementProfile.decode(data[:cut])
    for _ in range(60):
        place = chance.randrange(len(data))
        changed = data[:place] + bytes([data[place] ^ (1 << chance.randrange(8))]) + data[place + 1 :]
        try:
            AgreementProfile.decode(changed).figures()
        except (Corrupt, TooNew):
            continue
        # A changed letter of a name is no damage that can be seen here: the blob's digest tells it.
        assert place < data.index(b"\n")


def _more(name: str) -> Callable[[dict[str, Any]], None]:
    def change(arrays: dict[str, Any]) -> None:
        arrays[name].reshape(-1)[0] += 1

    return change


@pytest.mark.parametrize(
    ("task", "change"),
    [
        ("binary", _more("whole.labels.rows")),
        ("binary", _more("whole.outcomes.rows")),
        ("binary", _more("whole.scores.far.rows")),
        ("binary", _more("whole.scores.grid.rows")),
        ("regression", _more("whole.nearer.rows")),
        ("regression", _more("whole.together.counts")),
        ("multiclass", lambda arrays: arrays["whole.labels.rows"].reshape(-1).__setitem__(0, -1)),
    ],
)
def test_counts_that_contradict_each_other_are_damage(task: str, change: Callable[[dict[str, Any]], None]) -> None:
    data = measured(pairs()[task]).encode()
    _, header, arrays = unpack(data, AgreementProfile.format)
    change(arrays)
    with pytest.raises(Corrupt):
        AgreementProfile.decode(pack(AgreementProfile.format, header, arrays))


def test_profiles_of_other_pairs_are_not_merged() -> None:
    with pytest.raises(InvalidInput, match="measure different things"):
        measured(pairs()["binary"]).merge(measured(pairs()["multiclass"]))
