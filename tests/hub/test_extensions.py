"""Origins and datasets of other packages, found by their entry points."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PACKAGE = '''
import pyarrow as pa

from muster.dataset import Chunk
from muster.errors import InvalidModel
from muster.predictor import Description, Finding
from muster.predictors.local.probe import probe
from muster.predictors.local.predictor import LocalPredictor
from muster.signature import Column, Signature

PROGRAM = """
INPUT = "arrow"
FACTOR = {factor}


def predict(data):
    return [FACTOR * n for n in data["n"].to_pylist()]
"""


class TimesOrigin:
    name = "times"

    def claims(self, source):
        return isinstance(source, str) and source.startswith("times:")

    def describe(self, source, scratch):
        factor = source.removeprefix("times:")
        if not factor.isdigit():
            raise InvalidModel(f"{source} is no factor", hint="write times:3")
        (scratch / "model.py").write_text(PROGRAM.format(factor=factor))
        signature = Signature((Column("n", pa.int64()),))
        return Description(
            source=source, folder=scratch, task="regression", signature=signature, load={"loader": "file", "file": "model.py"}
        )

    def probe(self, draft, site, sample):
        return probe(draft, site, sample)

    def open(self, version, site, workers=1):
        return LocalPredictor(version, site, workers)


class Count:
    """The numbers below N, as `count:N`."""

    name = "count"

    def claims(self, uri):
        return uri.startswith("count:")

    def open(self, uri, options):
        return Numbers(int(uri.removeprefix("count:")))


class Numbers:
    schema = pa.schema([("n", pa.int64())])
    names = ("n",)
    index, file, offset = 0, "numbers", 0

    def __init__(self, n):
        self.n = n
        self.uri = f"count:{n}"

    def types(self, columns):
        return self.schema

    def declare(self, types):
        return self

    def parts(self, rows):
        return [NumbersPart(self.n)]

    def rows(self):
        return self.n

    def size(self):
        return 8 * self.n

    def stamp(self):
        return str(self.n)

    fingerprint = stamp


class NumbersPart:
    index, file, offset = 0, "numbers", 0

    def __init__(self, n):
        self.rows = n

    def chunks(self, rows, columns=None, skip=frozenset()):
        for index, start in enumerate(range(0, self.rows, rows)):
            batch = pa.record_batch({"n": pa.array(range(start, min(start + rows, self.rows)), pa.int64())})
            if index not in skip:
                yield Chunk(0, index, start, batch, last=start + rows >= self.rows)
'''

WORK = """
import sys
import muster

with muster.open(sys.argv[1]) as hub:
    version = hub.register("triple", "times:3", sample={"n": [1, 2]})
    run = hub.score("triple", "count:5000", sys.argv[2])
    print(version.origin, run.rows, run.input)
    print(hub.predict("triple", {"n": [7]})["prediction"].to_pylist())
"""


def test_a_package_adds_an_origin_and_a_dataset(tmp_path: Path) -> None:
    info = tmp_path / "site" / "counting-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: counting\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[muster.origins]\ntimes = counting:TimesOrigin\n[muster.datasets]\ncount = counting:Count\n"
    )
    (tmp_path / "site" / "counting.py").write_text(PACKAGE)
    done = subprocess.run(
        [sys.executable, "-c", WORK, tmp_path / "hub", tmp_path / "scored"],
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["times 5000 count:5000", "[21.0]"]
