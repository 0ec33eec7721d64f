"""What is found in files that may be pickles, without anything of them being loaded."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cloudpickle
import joblib
import numpy as np
import pytest
import skops.io
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from muster.predictors.local import verdicts
from muster.predictors.local.scanning import dangers, scan
from muster.predictors.local.verdicts import globals_in
from tests.zoo.entries import NAMES, entry

ARRAY = np.arange(2_000)


class Bad:
    """Would make a file named `ran` in the current folder when it is loaded."""

    def __reduce__(self) -> Any:
        return os.system, ("touch ran",)


def _zipped(place: Path) -> None:
    with zipfile.ZipFile(place / "model.pt", "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(Bad()))
        archive.writestr("archive/data/0", b"\0" * 64)


def _gathered(place: Path) -> None:
    """As PyTorch wrote files before they were archives: several pickles, one after the other, then bytes."""
    parts = [0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}, Bad(), ["0"]]
    (place / "model.bin").write_bytes(b"".join(pickle.dumps(p, 2) for p in parts) + b"\0\1\2" * 50)


def _deep(place: Path) -> None:
    (place / "a/b").mkdir(parents=True)
    (place / "a/b/c.pkl").write_bytes(pickle.dumps(Bad()))


WRITERS: dict[str, tuple[str, Callable[[Path], Any]]] = {
    "pickle": ("model.pkl", lambda p: (p / "model.pkl").write_bytes(pickle.dumps(Bad()))),
    "protocol 0, under any name": ("weights", lambda p: (p / "weights").write_bytes(pickle.dumps([1, Bad()], 0))),
    "protocol 2, under any name": ("a.txt", lambda p: (p / "a.txt").write_bytes(pickle.dumps(Bad(), 2))),
    "joblib, behind an array": ("m.joblib", lambda p: joblib.dump([ARRAY, Bad()], p / "m.joblib")),
    "joblib, compressed": ("m.joblib", lambda p: joblib.dump([ARRAY, Bad()], p / "m.joblib", compress=3)),
    "joblib, by lzma": ("m.joblib", lambda p: joblib.dump([ARRAY, Bad()], p / "m.joblib", compress=("xz", 3))),
    "PyTorch": ("model.pt:archive/data.pkl", _zipped),
    "older PyTorch": ("model.bin", _gathered),
    "an array of objects": ("o.npy", lambda p: np.save(p / "o.npy", np.array([Bad()], object))),
    "arrays": ("o.npz:a.npy", lambda p: np.savez(p / "o.npz", a=np.array([Bad()], object))),
    "deep in a folder": ("a/b/c.pkl", _deep),
}  # fmt: skip


@pytest.mark.parametrize("name", WRITERS)
def test_what_runs_a_program_is_found(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model").mkdir()
    file, write = WRITERS[name]
    write(tmp_path / "model")
    found = scan(tmp_path / "model")
    assert found[0] == {"file": file, "global": "posix.system", "severity": "dangerous"}
    assert dangers(found) == {file: ["posix.system"]}
    assert not (tmp_path / "ran").exists()


def test_a_pickle_of_very_many_instructions_is_read_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdicts, "_MOST_STEPS", 1_000)
    # The name of the module is had from the memo, where no pattern would find it.
    module = pickle.dumps(["posix", *map(str, range(2_000))])[:-1]
    data = module + b"h\x00" + b"\x8c\x06system\x93" + b"\x8c\x09touch ran\x85R."
    (tmp_path / "model.pkl").write_bytes(data.replace(b"h\x00", b"h\x01"))
    assert dangers(scan(tmp_path)) == {"model.pkl": ["posix.system"]}
    monkeypatch.setattr(verdicts, "_MOST_STREAMED", 1_000)
    assert {"file": "model.pkl", "global": "more instructions than are looked at", "severity": "unscanned"} in scan(
        tmp_path
    )


def test_large_arrays_are_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdicts, "_MOST_READ", 1_000)
    (tmp_path / "model.pkl").write_bytes(pickle.dumps([b"x" * 50_000, ARRAY, Bad()], 4))
    assert dangers(scan(tmp_path)) == {"model.pkl": ["posix.system"]}
    monkeypatch.setattr(verdicts, "_MOST_KEPT", 10)
    assert dangers(scan(tmp_path)) == {"model.pkl": ["posix.system"]}
    assert "unscanned" not in {f["severity"] for f in scan(tmp_path)}


def test_ordinary_models_are_free_of_dangers() -> None:
    for name in NAMES:
        found = scan(entry(name).folder)
        assert dangers(found) == {}, name
        assert "unscanned" not in {f["severity"] for f in found}, name


def test_code_in_a_pickle_is_told(tmp_path: Path) -> None:
    (tmp_path / "model.pkl").write_bytes(cloudpickle.dumps(lambda data: data))
    found = scan(tmp_path)
    assert {f["severity"] for f in found} == {"code"}
    assert "cloudpickle.cloudpickle._make_function" in {f["global"] for f in found}


class Own(LogisticRegression):  # type: ignore[misc]
    """An estimator that skops does not know."""


def test_types_that_skops_is_told_to_trust_are_shown(tmp_path: Path) -> None:
    skops.io.dump(Own().fit([[0.0], [1.0]], [0, 1]), tmp_path / "model.skops")
    assert list(scan(tmp_path)) == [{"file": "model.skops", "global": f"{Own.__module__}.Own", "severity": "trusted"}]
    skops.io.dump(LogisticRegression().fit([[0.0], [1.0]], [0, 1]), tmp_path / "model.skops")
    assert scan(tmp_path) == ()


def test_texts_weights_and_broken_archives_are_no_pickles(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("cat\ndog\n(and more)\n")
    (tmp_path / "weights.bin").write_bytes(np.random.default_rng(0).bytes(50_000))
    (tmp_path / "empty.pkl").write_bytes(b"")
    np.save(tmp_path / "numbers.npy", ARRAY)
    assert scan(tmp_path) == ()
    (tmp_path / "model.pt").write_bytes(b"PK\x03\x04 and no more")
    assert [(f["file"], f["severity"]) for f in scan(tmp_path)] == [("model.pt", "unscanned")]


@given(st.binary(max_size=300))
def test_any_bytes_can_be_looked_at(data: bytes) -> None:
    globals_in(b"\x80\x04" + data)


@given(
    st.lists(
        st.sampled_from([b"\x8c\x02os", b"\x8c\x06system", b"\x94", b"h\x00", b"\x93", b"0", b"(", b"."]), max_size=12
    )
)
def test_any_instructions_can_be_looked_at(steps: list[bytes]) -> None:
    globals_in(b"\x80\x04" + b"".join(steps))


def test_it_says_nothing_on_its_own(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    buffer = io.BytesIO()
    pickle.dump(Bad(), buffer)
    (tmp_path / "model.pkl").write_bytes(buffer.getvalue())
    scan(tmp_path)
    assert capfd.readouterr() == ("", "")
