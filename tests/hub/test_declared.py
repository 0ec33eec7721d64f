"""What a person declares when registering is what the version has, or is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from muster.errors import DatasetError, InvalidInput
from muster.hub import Hub


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    file = tmp_path / "sample.csv"
    file.write_text("n,text\n1,007\n2,008\n")
    return file


def _register(hub: Hub, place: Path, sample: object, signature: Any) -> Any:
    return hub.register("declared", place.parent / "model.py", task="binary", sample=sample, signature=signature)


def test_a_sample_without_types_is_read_by_the_declared_signature(hub: Hub, made: Path, sample: Path) -> None:
    version = _register(hub, made, sample, {"n": "int32", "text": {"type": "string", "required": False}})
    assert [(c.name, c.type, c.required) for c in version.signature] == [
        ("n", pa.int32(), True),
        ("text", pa.string(), False),
    ]
    assert version.probe.rows == 2


def test_a_sample_that_no_row_can_be_read_of_as_declared(hub: Hub, made: Path, sample: Path) -> None:
    with pytest.raises(DatasetError, match=r"no row of .*; row 0 of sample\.csv: `n` is no timestamp") as caught:
        _register(hub, made, sample, {"n": "timestamp[us]"})
    assert "types that are declared" in caught.value.hint


def test_nothing_of_a_declared_signature_is_passed_over(hub: Hub, made: Path, sample: Path) -> None:
    with pytest.raises(InvalidInput, match="'strng' is no type; did you mean `string`"):
        _register(hub, made, sample, {"n": "strng"})
    with pytest.raises(InvalidInput, match="`columns` is empty"):
        _register(hub, made, sample, {"columns": []})
