"""Makes small real models in a folder: `python -m tests.zoo.make FOLDER`, each with data and what its own library predicts for it.

A folder `NAME` has `model` (or a file), `data.arrow`, `expected.arrow` (`prediction`, and `probabilities` as lists) and `case.json`.
It runs in a process of its own: MLflow and the libraries warn, log and take seconds to import.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

from tests.zoo import estimators, others  # noqa: F401  # they put their makers into the kit
from tests.zoo.kit import makers


def main(folder: Path) -> None:
    warnings.simplefilter("ignore")
    for name, make in makers.items():
        place = folder / name
        place.mkdir(parents=True)
        make(place)


main(Path(sys.argv[1]))
