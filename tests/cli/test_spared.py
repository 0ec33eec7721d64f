"""What a command need not import, and that nobody else is kept from it."""

from __future__ import annotations

import subprocess
import sys

_SEEN = """
import sys
from muster.cli.spared import spare_pandas
spare_pandas()
import pyarrow as pa
pa.array(["a", None]); pa.table({"x": [1, 2]})
print("pandas" in sys.modules)
"""

_USED = """
import pandas as pd
frame = pd.DataFrame({"c": pd.Categorical(["x", None]), "t": pd.to_datetime(["2020-01-01", None])})
print(pa.Table.from_pandas(frame).column("c").null_count, pa.array(frame["t"]).null_count, pa.table({"x": [1]}).to_pandas().shape)
"""


def _run(code: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_pyarrow_does_not_import_pandas() -> None:
    assert _run(_SEEN) == ["False"]


def test_who_uses_pandas_later_still_can() -> None:
    assert _run(_SEEN + _USED) == ["False", "1", "1", "(1,", "1)"]
