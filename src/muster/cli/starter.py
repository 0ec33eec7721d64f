"""The files of a new model folder, and how they get there."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from muster.errors import Conflict, InvalidInput

__all__ = ["FILES", "commands", "write"]

_MODEL = '''"""Who leaves? The rules are in weights.json; load your own model there instead.

Every hook but `predict` may go. `model` is what `load` returned.
"""

import json

import pyarrow as pa
import pyarrow.compute as pc

INPUT = "arrow"  # or "pandas" or "numpy", with that package in requirements.txt


def load(path, runtime):
    """Once for each worker. `path` is this folder's copy, `runtime` the values of [runtime] in model.toml."""
    model = json.loads((path / "weights.json").read_text())
    model["cut"] = runtime["cut"]
    return model


def transform(data, model):
    """First for each batch; what it returns is given to `predict`."""
    return data.set_column(data.schema.get_field_index("visits"), "visits", pc.fill_null(data["visits"], 0))


def predict(data, model):
    """A label for each row, in order."""
    score = pc.add(pc.multiply(data["age"], model["age"]), pc.multiply(data["visits"], model["visits"]))
    return pc.if_else(pc.greater_equal(score, model["cut"]), "yes", "no")


def post_process(predictions, model):
    """Last for each answer."""
    return predictions.cast(pa.string())
'''

_MANIFEST = """task = "binary"
target = "left"
classes = ["no", "yes"]       # the positive one last
network = false               # true where the model asks others: its worker has no network otherwise

[signature]
age = "double"
visits = "int64"

[runtime]                     # given to `load`; `muster register --runtime cut=0.7` changes one
cut = 0.5
# token = { type = "secret", default = "env:SCORES_TOKEN" }   # or "file:/run/secrets/token": read when a worker starts, and never stored
"""

_README = """# A model for Muster

| file | what it is |
| --- | --- |
| `model.py` | the code: `load`, `transform`, `predict`, `post_process` |
| `model.toml` | what Muster cannot know: task, classes, columns, runtime parameters |
| `requirements.txt` | what the code imports |
| `weights.json` | data of the model: whatever `load` reads |
| `sample.csv` | a few rows to try it on |

In the folder that this one lies in:

```sh
{commands}
```
"""

FILES = {
    "model.py": _MODEL,
    "model.toml": _MANIFEST,
    "requirements.txt": "# one package in a line, as scikit-learn==1.6.1; pyarrow is there without\npyarrow\n",
    "weights.json": '{"age": 0.01, "visits": -0.02}\n',
    "sample.csv": "age,visits,left\n22,1,no\n35,4,no\n58,2,yes\n71,,yes\n44,3,no\n63,9,no\n",
}


def write(folder: Path, name: str, program: str) -> list[Path]:
    """Write them, and a README.md with what to type next; files that are there are never replaced."""
    here = [n for n in (*FILES, "README.md") if os.path.lexists(folder / n)]
    if here:
        raise Conflict(f"{folder} has {', '.join(here)} already", hint="name a new folder")
    files = FILES | {
        "README.md": _README.replace("{commands}", "\n".join(commands(name, folder.absolute().name, program)))
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, text in files.items():
            (folder / file).write_text(text, encoding="utf-8")
    except OSError as error:
        raise InvalidInput(
            f"{folder} cannot be made: {error.strerror}", hint="name a folder that you may write to"
        ) from None
    return [folder / file for file in files]


def commands(name: str, folder: str, program: str = "muster") -> tuple[str, ...]:
    """What registers the model of the folder, and scores its sample."""
    place, sample = shlex.quote(folder), shlex.quote(os.path.normpath(f"{folder}/sample.csv"))
    return (
        f"{program} register {name} {place} --sample {sample}",
        f"{program} score {name} {sample} {shlex.quote(os.path.normpath(f'{folder}/scored.csv'))} --keep all",
    )
