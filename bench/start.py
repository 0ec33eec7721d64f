"""Starting: `import muster` and `muster --help`, against a bare Python and the peer that people would use instead."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from harness import Program, arguments, finish, machine, measure, show, table


def main() -> None:
    options = arguments(__doc__ or "", [])
    command = Path(sys.executable).with_name("muster")
    programs = [
        Program("python -c pass", [sys.executable, "-c", "pass"]),
        Program("import muster", [sys.executable, "-c", "import muster"]),
        Program("import pyarrow", [sys.executable, "-c", "import pyarrow"]),
        Program("muster --help", [command, "--help"]),
        Program("muster --version", [command, "--version"]),
        Program("muster score --help", [command, "score", "--help"]),
    ]
    peer = shutil.which("mlflow", path=str(command.parent))
    if peer:
        programs.append(Program("mlflow --help", [peer, "--help"]))
    found = table(measure(programs, max(options.rounds, 7)))
    if not options.json:
        show("starting (ratio to a bare Python)", found)
    finish({"machine": machine("muster-ml"), "start": found}, options.json)


if __name__ == "__main__":
    main()
