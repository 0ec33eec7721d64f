from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from muster.errors import InvalidInput
from muster.profiles.categories import KEPT_BYTES, LONGEST, Categories
from muster.profiles.comparing import matched
from muster.profiles.keys import hash_texts
from muster.profiles.reading import plain
from muster.profiles.texts import WORD_CELLS, Texts


def texts(values: list[Any] | pa.Array, most: int = 4_096) -> Texts:
    found = Texts(most)
    found.add(plain(values if isinstance(values, pa.Array) else pa.array(values, pa.string())))
    return found


def cells_of(words: list[str]) -> list[int]:
    offsets = np.concatenate([[0], np.cumsum([len(w.encode()) for w in words])])
    hashes = hash_texts(offsets, np.frombuffer("".join(words).encode(), np.uint8))
    return np.bincount((hashes >> np.uint64(52)).astype(np.int64), minlength=WORD_CELLS).tolist()


def test_values_are_counted_as_pandas_counts_them() -> None:
    values = np.array(["a", "b", "c", "", "ä"])[np.random.default_rng(1).integers(0, 5, 999) ** 2 % 5].tolist()
    categories = texts(values).categories
    found = dict(zip(categories.names(), categories.values.cells.counts[:, 0].tolist(), strict=True))  # type: ignore[arg-type]
    assert found == pd.Series(values).value_counts().to_dict()
    top: Any = categories.figures()["top"]
    assert {line["text"]: line["rows"] for line in top} == found
    assert [line["rows"] for line in top] == sorted(found.values(), reverse=True)


def test_of_many_values_none_is_kept_and_the_rest_is_told() -> None:
    values = [f"id {n}" for n in range(3_000)] + ["often"] * 500
    for parts in ([values], [values[::2], values[1::2]], [[value] for value in values[:20]] + [values[20:]]):
        found = Texts(16)
        for part in parts:
            found.add(plain(pa.array(part)))
        figures: Any = found.figures()
        assert found.categories.names() is None
        assert (figures["top"], found.rows) == ([], 3_500)
        assert "more than 16" in figures["note"]
        assert 500 <= figures["largest"] <= 3_500
        assert figures["once"] > 0.99
        assert abs(figures["distinct"]["value"] - 3_001) < 4 * figures["distinct"]["error"] * 3_001


def test_values_at_the_limit_are_kept_and_one_more_is_not() -> None:
    assert texts(list("abcd"), 4).categories.names() == texts(list("dcba"), 4).categories.names()
    assert len(texts(list("abcd"), 4).categories.names()) == 4  # type: ignore[arg-type]
    assert texts(list("abcde"), 4).categories.names() is None


def test_long_values_are_cut_and_still_told_apart() -> None:
    long = "é" * 200
    categories = texts([long, long + "a", "x" * LONGEST, long]).categories
    assert sorted(categories.names()) == ["x" * LONGEST, "é" * LONGEST + "…", "é" * LONGEST + "…"]  # type: ignore[arg-type]
    assert sorted(categories.values.cells.counts[:, 0].tolist()) == [1, 1, 2]


def test_values_that_are_too_long_together_are_not_kept_in_any_order() -> None:
    values = [f"{n:04d}" + "x" * 120 for n in range(KEPT_BYTES // 124 + 1)]
    assert texts(values[1:]).categories.names() is not None
    whole, parts = texts(values), texts(values[:1])
    parts.merge(texts(values[1:]))
    parts.merge(texts(["short"]))
    after = texts(["short"])
    after.merge(whole)
    assert matched(whole.categories, whole.categories)[:2] == (True, None)
    for found in (whole, parts, after):
        assert found.categories.names() is None
        assert found.categories.values.exact
        assert "too long" in str(found.figures()["note"])


def test_bytes_that_are_no_text_are_counted_and_shown_as_such() -> None:
    array = pa.array([b"a\xff", b"ok"]).view(pa.string())
    assert sorted(texts(array).categories.names()) == ["a\ufffd", "ok"]  # type: ignore[arg-type]


def test_two_profiles_are_matched_by_value() -> None:
    a, b = texts(["x", "x", "gone"]).categories, texts(["x", "new", "new"]).categories
    found = matched(a, b)
    assert found.exact
    assert found.texts is not None
    rows = dict(zip(found.texts, zip(found.a.tolist(), found.b.tolist(), strict=True), strict=True))
    assert rows == {"x": (2, 1), "gone": (1, 0), "new": (0, 2)}


def test_profiles_of_many_values_are_matched_by_cells_of_hashes() -> None:
    many, few = texts([f"id {n}" for n in range(9_000)]).categories, texts(["id 1", "id 1", "else"]).categories
    found = matched(many, few)
    assert (found.exact, found.texts) == (False, None)
    assert (found.a.sum(), found.b.sum()) == (9_000, 3)
    same = matched(many, texts([f"id {n}" for n in reversed(range(9_000))]).categories)
    assert same.a.tolist() == same.b.tolist()


def test_one_that_keeps_texts_does_not_merge_with_one_that_does_not() -> None:
    with pytest.raises(InvalidInput):
        Categories(4).merge(Categories(4, keep=False))


def test_lengths_are_characters_and_empty_texts_are_told() -> None:
    found = texts(["", "abc", "ü", "日本", "日本"])
    assert found.lengths.figures()["values"] == [
        {"value": 0.0, "rows": 1}, {"value": 1.0, "rows": 1}, {"value": 2.0, "rows": 2}, {"value": 3.0, "rows": 1},
    ]  # fmt: skip
    assert found.figures()["empty"] == 1


def test_words_stand_between_marks_and_spaces_whatever_their_case() -> None:
    values = ["The cat,the  DOG", "it's", "", "...", "Größe-3", "end", "start", "日本語 です"]
    words = ["the", "cat", "the", "dog", "it", "s", "größe", "3", "end", "start", "日本語", "です"]
    assert texts(values).words.tolist() == cells_of(words)
    assert sorted(np.repeat(*_counted(texts(values))).tolist()) == [0, 0, 1, 1, 2, 2, 2, 4]


def _counted(found: Texts) -> tuple[Any, Any]:
    low, _ = found.tokens.cells()
    return low, found.tokens.values.cells.counts[:, 0]


@pytest.mark.parametrize("most", [4, 4_096])
def test_words_and_lengths_are_the_same_by_row_and_by_value(most: int) -> None:
    draw = np.random.default_rng(3)
    values = [" ".join(draw.choice(["red", "green", "Blue"], n)) for n in draw.integers(0, 4, 500)]
    by_row, coded = Texts(most), texts(pa.array(values).dictionary_encode(), most)
    for at in range(0, 500, 50):
        by_row.add(plain(pa.array(values[at : at + 50])))
    assert by_row.words.tolist() == coded.words.tolist() == cells_of(" ".join(values).lower().split())
    assert by_row.lengths.mean == pytest.approx(np.mean([len(v) for v in values]))
    assert by_row.lengths.facts.tolist() == coded.lengths.facts.tolist()


def test_words_of_long_texts_are_all_counted() -> None:
    values = ["one two " * 500_000, *["three"] * 3, "", "four " * 1_000_000, *["five six"] * 2]
    assert sum(map(len, values)) > 2 << 22
    found = texts(values)
    expected = np.array(cells_of(["one", "two"])) * 500_000 + np.array(cells_of(["four"])) * 1_000_000
    assert found.words.tolist() == (expected + cells_of(["three"] * 3 + ["five", "six"] * 2)).tolist()
    tokens, rows = _counted(found)
    assert dict(zip(tokens.tolist(), rows.tolist(), strict=True)) == {0: 1, 1: 3, 2: 2, 1_000_000: 2}


def test_a_dictionary_of_which_little_is_used_counts_what_is_used() -> None:
    coded = pa.DictionaryArray.from_arrays(pa.array([2, 2]), pa.array([f"v{n}" for n in range(5_000)]))
    found = texts(coded)
    assert (found.categories.names(), found.rows) == (["v2"], 2)
