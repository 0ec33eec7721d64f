"""Memory of a scoring as the data grows: the same for 1 and for 20 million rows. Uses the data and the model of `score`."""

from __future__ import annotations

from dataclasses import replace

from harness import arguments, finish, machine, measure, show, table
from score import WORK
from scoring import program


def main() -> None:
    options = arguments(__doc__ or "", [1_000_000, 20_000_000])
    options.rounds = min(options.rounds, 1)
    WORK.prepare(options.sizes)
    programs = [replace(program(WORK, "muster", rows), name=f"{rows:,} rows") for rows in options.sizes]
    found = table(measure(programs, options.rounds))
    if not options.json:
        show("memory of a scoring (ratio of seconds to the first)", found)
    finish({"machine": machine("muster-ml", "lightgbm"), "memory": found}, options.json)


if __name__ == "__main__":
    main()
