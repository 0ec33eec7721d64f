from __future__ import annotations

import json

import pytest

from muster.worker.report import report


def caught(code: str) -> dict[str, object]:
    try:
        exec(compile(code, "model.py", "exec"), {})
    except BaseException as error:  # noqa: BLE001  # whatever a model raises
        told = report(error)
        json.dumps(told)
        return told
    raise AssertionError(code)


def test_tells_type_message_and_frames() -> None:
    told = caught("def f():\n    raise ValueError('x')\nf()")
    assert (told["kind"], told["type"], told["error"], told["memory"]) == (
        "error",
        "ValueError",
        "ValueError: x",
        False,
    )
    assert 'File "model.py", line 2, in f' in str(told["traceback"])


def test_tells_causes() -> None:
    told = caught("try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise KeyError('x') from e")
    assert "ZeroDivisionError" in str(told["traceback"])


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("raise ValueError", "ValueError"),
        ("import sys; sys.exit('bye')", "SystemExit: the model's code called sys.exit('bye')"),
        ("class E(Exception):\n    __str__ = None\nraise E", "E: its text cannot be had, since that raises TypeError"),
        ("class E(Exception):\n    def __repr__(self): raise E\nraise E('x')", "E: x"),
    ],
)
def test_one_line_says_what_it_is(code: str, error: str) -> None:
    assert caught(code)["error"] == error


DEEP = """
def f(n):
    try:
        f(n - 1) if n else 1 / 0
    except Exception as error:
        raise ValueError("y" * 10**5) from error
f(100)
"""


def test_length_is_bounded() -> None:
    told = caught(DEEP)
    assert len(str(told["error"])) < 2_100
    assert len(str(told["traceback"])) < 16_100


def test_memory_is_told_apart() -> None:
    assert caught("raise MemoryError")["memory"] is True
    assert caught("class Mine(MemoryError): pass\nraise Mine")["memory"] is True
