"""Starts a worker: `python -I __main__.py SOCKET LIFELINE SCRATCH`, two descriptors and a folder. Muster does this, not people.

With a third word, `inside`, it is in its sandbox already, where its guard is not.
"""

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
    whole = os.path.dirname(scratch)  # with the name of whoever made it
    inside = sys.argv[4:] == ["inside"]
    del sys.argv[1:]
    isolation = importlib.import_module("muster_worker.isolation")
    asked = isolation.told(scratch, inside=inside)
    if not inside:
        sandboxed = asked["bwrap"] is not None
        importlib.import_module("muster_worker.guard").stand_guard(lifeline, socket, whole, sandboxed=sandboxed)
        if sandboxed:
            os.set_inheritable(socket, True)
            again = [sys.executable, "-I", "-u", "-X", "utf8", os.path.abspath(__file__)]
            order = isolation.command(asked, scratch, [*again, str(socket), "-1", scratch, "inside"])
            os.execv(order[0], order)  # noqa: S606  # no shell is meant
    importlib.import_module("muster_worker.sealed").seal(scratch)
    importlib.import_module("muster_worker.serve").serve(socket, lambda: isolation.shut_in(asked, scratch))


# A model may start processes that import this file again (multiprocessing's spawn); those are no workers.
if __name__ == "__main__":
    main()
