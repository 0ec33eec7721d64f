"""Starts a worker: `python -I __main__.py SOCKET LIFELINE SCRATCH`, two descriptors and a folder. Muster does this, not people."""

from __future__ import annotations

import importlib
import os
import sys
import types


def main() -> None:
    """Become the worker; its guard stays behind as the parent."""
    here = types.ModuleType("muster_worker")
    here.__path__ = [os.path.dirname(os.path.abspath(__file__))]
    sys.modules["muster_worker"] = here
    socket, lifeline, scratch = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    del sys.argv[1:]
    importlib.import_module("muster_worker.guard").stand_guard(lifeline, socket, scratch)
    importlib.import_module("muster_worker.sealed").seal(scratch)
    importlib.import_module("muster_worker.serve").serve(socket)


# A model may start processes that import this file again (multiprocessing's spawn); those are no workers.
if __name__ == "__main__":
    main()
