"""What a model that means harm can do from its worker, at each level that this machine has."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil
import pytest

from muster.errors import EnvironmentFailed, ModelDied, ModelFailed
from muster.predictors.local import isolation
from muster.predictors.local.isolation import Isolation, Reached, weakest
from muster.predictors.local.process import WorkerProcess
from muster.signature import Json
from muster.worker import kernel
from tests.worker.doubles import ask, make_worker, settings, started

pytestmark = [
    pytest.mark.usefixtures("text_models"),
    pytest.mark.skipif(not kernel.landlock_version(), reason="never: this kernel has no Landlock"),
]


@pytest.fixture(params=["landlock", "sandbox"])
def level(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Workers reach this level."""
    wanted: str = request.param
    if wanted == "landlock":
        monkeypatch.setattr(isolation, "bubblewrap", lambda: None)
    elif isolation.bubblewrap() is None:
        pytest.skip("never: bubblewrap is not installed, or not allowed to work here")
    return wanted


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    folder = tmp_path / "hub" / "artifacts" / "digest"
    folder.mkdir(parents=True)
    (folder / "weights").write_text("0.5")
    (tmp_path / "hub" / "muster.db").write_text("all that is known")
    return folder


def tried(lines: Mapping[str, str], artifact: Path, **given: object) -> dict[str, str]:
    """What each line gave in a model's worker, or the name of the error that it raised."""
    code = (
        "import ctypes, os, pathlib, signal, socket, subprocess, sys, tempfile\n"
        f"LINES = {list(lines.values())!r}\n"
        "def attempt(line):\n"
        "    try:\n"
        "        return str(eval(line))\n"
        "    except BaseException as error:\n"
        "        return type(error).__name__\n"
        "def predict(batch):\n"
        "    return [attempt(line) for line in LINES]\n"
    )
    with started(code, folder=str(artifact), **{"worker_isolation": "best", **given}) as worker:
        return dict(zip(lines, map(str, ask(worker)), strict=True))


def test_the_level_is_what_was_reached_and_its_gaps_are_told(level: str, artifact: Path) -> None:
    with make_worker("def predict(batch): return batch.column(0)", folder=str(artifact), worker_isolation="best") as w:
        w.start()
        assert w.reached == Reached(level, () if kernel.landlock_version() >= 6 or level == "sandbox" else ("signals",))
        assert ask(w) == [0.0, 1.0, 2.0]


HARM = {
    "reads the accounts": "open('/etc/passwd').read()",
    "reads the hub": "open(pathlib.Path(folder).parents[1] / 'muster.db').read()",
    "reads the home": "os.listdir(os.path.expanduser('~root'))",
    "writes into its artifact": "open(os.path.join(folder, 'more'), 'w')",
    "changes its artifact": "open(os.path.join(folder, 'weights'), 'a')",
    "truncates its artifact": "os.truncate(os.path.join(folder, 'weights'), 0)",
    "removes its artifact": "os.unlink(os.path.join(folder, 'weights'))",
    "opens a socket": "socket.socket(socket.AF_INET, socket.SOCK_STREAM)",
    "sends a datagram": "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
    "opens one of IPv6": "socket.socket(socket.AF_INET6)",
    "opens a raw one": "socket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
    "asks a server of this machine": "socket.socket(socket.AF_UNIX)",
    "reads the guard's variables": "open('/proc/%d/environ' % os.getppid(), 'rb').read()",
    "kills the guard": "os.kill(os.getppid(), signal.SIGKILL)",
    "kills Muster": f"os.kill({os.getpid()}, signal.SIGTERM)",
    "reads Muster's memory": f"open('/proc/{os.getpid()}/mem', 'rb').read(1)",
    "reads Muster's variables": f"open('/proc/{os.getpid()}/environ', 'rb').read()",
    "reads what Muster was started with": f"open('/proc/{os.getpid()}/cmdline', 'rb').read()",
    "has another do it": "subprocess.run(['cat', '/etc/passwd'], check=True, capture_output=True)",
}


def test_a_model_does_no_harm(level: str, artifact: Path) -> None:
    harm = dict(HARM)
    if level == "sandbox" or kernel.landlock_version() < 6:
        del harm["kills the guard"]  # it is not there; or is not kept from it, which the level tells
    found = tried(harm, artifact)
    errors = {"OSError", "PermissionError", "FileNotFoundError", "ProcessLookupError", "CalledProcessError"}
    assert {what: told for what, told in found.items() if told not in errors} == {}
    assert (artifact / "weights").read_text() == "0.5"
    assert [p.name for p in artifact.iterdir()] == ["weights"]


def test_ptrace_and_what_leads_around_a_filter_are_refused(level: str, artifact: Path) -> None:
    libc = "ctypes.CDLL(None, use_errno=True)"
    calls = {
        "attaching": f"{libc}.ptrace(16, {os.getpid()}, 0, 0)",
        "a ring of calls": f"{libc}.syscall(425, 8, ctypes.create_string_buffer(128))",
        "another namespace": f"{libc}.unshare(0x10000000)",
        "another disk": f"{libc}.mount(b'none', b'/tmp', b'tmpfs', 0, None)",
    }
    assert tried(calls, artifact) == dict.fromkeys(calls, "-1")


def test_harm_is_possible_without_isolation(artifact: Path) -> None:
    """So that the tests above can fail."""
    names = ("reads the accounts", "reads the hub", "opens a socket", "asks a server of this machine")
    harm = {n: HARM[n] for n in (*names, "reads Muster's variables", "has another do it", "changes its artifact")}
    assert not {what: told for what, told in tried(harm, artifact, worker_isolation="none").items() if "Error" in told}


ORDINARY = (
    "open(os.path.join(folder, 'weights')).read() == '0.5'",
    "open('notes', 'w').write('x') == 1",
    "tempfile.NamedTemporaryFile().write(b'x') == 1",
    "open(os.path.expanduser('~/.cache'), 'w').write('x') == 1",
    "open('/dev/null', 'w').write('x') == 1",
    "len(os.urandom(4)) == 4",
    "len(socket.socketpair()) == 2",
    "int(open('/proc/self/stat').read().split()[0]) == os.getpid()",
    "'processor' in open('/proc/cpuinfo').read()",
    "subprocess.run([sys.executable, '-c', 'print(1)'], capture_output=True, check=True).stdout == b'1\\n'",
    "__import__('getpass').getuser() == 'muster'",
    "sum(__import__('concurrent.futures').futures.ThreadPoolExecutor(2).map(abs, [1, -1])) == 2",
    "len(__import__('ssl').create_default_context().get_ca_certs()) >= 0",
)


def test_what_models_ordinarily_do_works(level: str, artifact: Path) -> None:
    lines = {line: line for line in ORDINARY}
    assert tried(lines, artifact) == dict.fromkeys(ORDINARY, "True")


@pytest.mark.parametrize(
    ("policy", "declares", "has"),
    [("declared", False, False), ("declared", True, True), ("never", True, False), ("always", False, True)],
)
def test_the_network_is_for_versions_that_declare_it_where_the_policy_allows(
    policy: str, declares: bool, has: bool, level: str, artifact: Path
) -> None:
    load: dict[str, Json] = {
        "code": "import socket\ndef predict(batch):\n    socket.socket().close()\n    return batch.column(0)\n"
    }
    given = settings(worker_isolation="best", worker_network=policy)
    asked = {**load, "network": True} if declares else load
    with WorkerProcess(Path(sys.executable), artifact, asked, settings=given, threads=1) as worker:
        worker.start()
        assert str(worker.reached) == (f"{level}, network open" if has else level)
        if has:
            assert ask(worker) == [0.0, 1.0, 2.0]
            return
        with pytest.raises(ModelFailed) as refused:
            ask(worker)
        assert "network=True" in refused.value.hint


def test_a_hub_among_the_systems_software_is_not_seen(level: str, tmp_path: Path) -> None:
    place = Path("/usr/local/lib/muster-test")
    try:
        place.mkdir()
    except OSError:
        pytest.skip("never: only root can put a hub there")
    try:
        (place / "artifact").mkdir()
        (place / "muster.db").write_text("all that is known")
        # What lies beside the way to the artifact is software, and the interpreter may be there.
        found = tried({"reads": f"open('{place}/muster.db').read()"}, place / "artifact")
        assert found["reads"] in ("PermissionError", "FileNotFoundError")
    finally:
        shutil.rmtree(place)


def test_required_refuses_below_the_named_level_before_anything_is_loaded(
    level: str, artifact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(isolation, "bubblewrap", lambda: None)
    given = {"worker_isolation": "required", "worker_isolation_level": "sandbox"}
    with make_worker("raise SystemExit('loaded')", folder=str(artifact), **given) as worker:
        with pytest.raises(EnvironmentFailed) as refused:
            worker.start()
        assert not worker.alive
    assert refused.value.message == "workers reach the isolation `landlock` on this machine, and `sandbox` is required"
    with started("def predict(b): return b.column(0)", folder=str(artifact), worker_isolation="required") as worker:
        assert ask(worker) == [0.0, 1.0, 2.0]


POOL = """
import multiprocessing
from multiprocessing.shared_memory import SharedMemory

def predict(batch):
    multiprocessing.get_context("fork").Lock()
    SharedMemory(create=True, size=100).unlink()
    return batch.column(0)
"""


def test_a_model_that_shares_with_its_own_processes_is_told_how(level: str, artifact: Path) -> None:
    """What is in /dev/shm is everybody's; in a sandbox it is the model's own."""
    with started(POOL, folder=str(artifact), worker_isolation="best") as worker:
        if level == "sandbox":
            assert ask(worker) == [0.0, 1.0, 2.0]
            return
        with pytest.raises(ModelFailed, match="Permission denied") as refused:
            ask(worker)
    assert "multiprocessing.pool.ThreadPool" in refused.value.hint


def test_none_claims_no_more_than_limits(artifact: Path) -> None:
    with started("def predict(b): return b.column(0)", folder=str(artifact)) as worker:
        assert worker.reached.level == "limits"
        assert str(worker.reached) == "limits"
        assert {"files", "processes", "signals", "network"} <= set(worker.reached.open)


def test_how_a_sandboxed_worker_ended_is_told(level: str, artifact: Path) -> None:
    for line, word in (("os._exit(3)", "exit code 3"), ("os.kill(os.getpid(), 11)", "SIGSEGV")):
        code = f"import os\ndef predict(batch):\n    {line}\n"
        with (
            started(code, folder=str(artifact), worker_isolation="best") as worker,
            pytest.raises(ModelDied, match=word),
        ):
            ask(worker)


def test_levels_are_ordered_and_the_weakest_of_several_is_kept() -> None:
    assert weakest([]) is None
    assert weakest(["sandbox", "landlock, network open", "landlock"]) == "landlock, network open"
    assert weakest(["limits", "sandbox"]) == "limits"
    assert Reached.told({"level": "heaven", "open": []}) == Reached("none", ())
    wanted = Isolation.wanted(settings(worker_isolation="best"), {"network": "yes"})
    assert not wanted.network


def test_bubblewrap_that_may_not_work_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert shutil.which("bwrap") == str(broken)
    assert isolation.bubblewrap() is None


@pytest.fixture(autouse=True)
def no_children_left() -> Iterator[None]:
    """Servers of other tests may be children of this process too."""
    before = _children()
    yield
    assert _children() <= before, "a guard was left"


def _children() -> set[int]:
    return {child.pid for child in psutil.Process().children()}
