from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil
import pytest

from muster.errors import EnvironmentFailed, ModelDied, ModelFailed, ModelTimeout
from muster.predictors.local import launch, process
from tests.worker.doubles import FIRST, ask, descriptors, gone, make_worker, numbers, started, until

pytestmark = pytest.mark.usefixtures("text_models")

SLEEP_WITH_THE_LOCK = "import ctypes; ctypes.PyDLL(None).sleep(1000)"


def in_predict(line: str, then: str = "return batch.column(0)") -> str:
    return f"import os, sys, signal, time, threading, subprocess\ndef predict(batch):\n    {line}\n    {then}\n"


def in_load(line: str) -> str:
    return f"import os, sys, signal, time\n{line}\n{FIRST}"


def test_tells_the_models_facts_and_answers() -> None:
    with make_worker("FACTS = {'classes': [1, 'a', None]}\n" + FIRST) as worker:
        assert worker.start() == {"classes": [1, "a", None]}
        assert ask(worker) == [0.0, 1.0, 2.0]
        assert worker.alive
    assert not worker.alive


@pytest.mark.parametrize("rows", [0, 1, 1_000, 100_000])
def test_answers_batches_of_any_size(rows: int) -> None:
    with started(FIRST) as worker:
        batch = numbers(rows, columns=20)
        for part in (batch, batch.slice(rows // 3)):
            assert worker.predict(part, {}, [], 30.0).column(0).equals(part.column(0))


def test_parameters_and_outputs_reach_the_model(
    text_program: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with started("def predict(batch): return [str(folder)]", folder=str(tmp_path)) as worker:
        assert ask(worker) == [str(tmp_path)]


@pytest.mark.parametrize(
    "line",
    [
        "print('hello'); sys.stderr.write('hello')",
        "os.write(1, b'hello'); os.write(2, b'hello')",
        "os.system('echo hello; echo hello >&2')",
        "sys.stdout = None; print('x'); os.write(1, b'hello')",
    ],
)
def test_what_is_printed_goes_to_the_log(line: str, capfd: pytest.CaptureFixture[str]) -> None:
    with started(in_predict(line)) as worker:
        assert ask(worker) == [0.0, 1.0, 2.0]
        assert "hello" in worker.log
    assert "hello" in worker.log
    assert capfd.readouterr() == ("", "")


def test_a_log_without_end_keeps_its_tail() -> None:
    with started(in_predict("os.write(1, b'x' * 5_000_000); print('end')")) as worker:
        ask(worker)
        assert worker.log.endswith("xend\n")
        assert len(worker.log) < 100_000


def test_a_full_disk_costs_the_log_and_not_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    full = os.open("/dev/full", os.O_RDWR)
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: os.fdopen(full, "r+b", buffering=0))
    with started(in_predict("print('x' * 100_000)")) as worker:
        for _ in range(3):
            assert ask(worker) == [0.0, 1.0, 2.0]


def test_an_error_has_the_models_own_frames() -> None:
    with started(in_predict("print('before')", "raise ValueError('no such row')")) as worker:
        with pytest.raises(ModelFailed, match="the model failed: ValueError: no such row") as caught:
            ask(worker)
        details = caught.value.details
        assert details["type"] == "ValueError"
        assert details["error"] == "ValueError: no such row"
        assert 'File "model.py", line 4, in predict' in str(details["traceback"])
        assert "serve.py" not in str(details["traceback"])
        assert "before" in str(details["log"])
        assert worker.alive


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("sys.exit(3)", r"SystemExit: the model's code called sys.exit\(3\)"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("raise GeneratorExit('x')", "GeneratorExit: x"),
        ("input()", "EOFError"),
        ("raise type('Odd', (Exception,), {'__str__': lambda self: 1 / 0})()", "Odd: its text cannot be had"),
        ("raise type('Odd', (Exception,), {'__str__': lambda self: sys.exit()})()", "Odd: its text cannot be had"),
        ("raise ValueError('x' * 10_000_000)", r"ValueError: x+ \[…\] x+"),
        ("(f := lambda n: f(n + 1))(0)", "RecursionError"),
        ("raise type('E' * 50, (BaseException,), {})('\\ud800')", "E{50}"),
        ("return object()", "Arrow|TypeError|NotImplemented"),
    ],
)
def test_whatever_is_raised_is_an_error_of_the_model(line: str, said: str) -> None:
    with started(in_predict("if len(batch) == 1: return [1.0]", line)) as worker:
        with pytest.raises(ModelFailed, match=said) as caught:
            ask(worker)
        assert type(caught.value) is ModelFailed
        assert len(str(caught.value.details)) < 50_000
        assert ask(worker, 1) == [1.0]


@pytest.mark.parametrize(
    ("line", "said"), [("1 / 0", "ZeroDivisionError"), ("sys.exit()", "SystemExit"), ("x = (", "SyntaxError")]
)
def test_a_model_that_does_not_load_says_why(line: str, said: str) -> None:
    with make_worker(in_load(line)) as worker:
        with pytest.raises(ModelFailed, match=f"the model does not load: {said}"):
            worker.start()
        assert not worker.alive


def test_a_missing_package_has_a_hint() -> None:
    with make_worker("import no_such_package_at_all") as worker, pytest.raises(ModelFailed) as caught:
        worker.start()
    assert "requirements" in caught.value.hint


@pytest.mark.parametrize(
    ("line", "details"),
    [
        ("os._exit(3)", {"exit_code": 3}),
        ("os._exit(0)", {"exit_code": 0}),
        ("os.abort()", {"signal": signal.SIGABRT}),
        ("import ctypes; ctypes.string_at(0)", {"signal": signal.SIGSEGV}),
        ("os.kill(os.getpid(), signal.SIGTERM)", {"signal": signal.SIGTERM}),
    ],
)
@pytest.mark.parametrize("where", [in_predict, in_load], ids=["predict", "load"])
def test_a_process_that_ends_is_told_with_how(line: str, details: dict[str, int], where: object) -> None:
    with make_worker(where(f"print('last words'); {line}")) as worker:  # type: ignore[operator]
        with pytest.raises(ModelDied, match="the model's process ended while it") as caught:
            worker.start()
            ask(worker)
        assert {k: v for k, v in caught.value.details.items() if k != "log"} == details
        assert "last words" in str(caught.value.details["log"])
        assert not worker.alive


def test_a_crash_in_native_code_tells_where() -> None:
    with started(in_predict("import ctypes; ctypes.string_at(0)")) as worker, pytest.raises(ModelDied) as caught:
        ask(worker)
    assert 'File "model.py", line 3 in predict' in str(caught.value.details["log"])
    assert "SIGSEGV" in caught.value.message


def test_a_kill_by_the_system_is_told_as_that() -> None:
    killed = pytest.raises(ModelDied, match="killed by the system")
    with started(in_predict("os.kill(os.getpid(), signal.SIGKILL)")) as worker, killed as caught:
        ask(worker)
    assert "worker.memory" in caught.value.hint


@pytest.mark.parametrize("line", ["while True: time.sleep(0.01)", "while True: pass", SLEEP_WITH_THE_LOCK])
def test_a_hang_is_ended(line: str) -> None:
    with started(in_predict(line)) as worker:
        start = time.monotonic()
        with pytest.raises(ModelTimeout, match=r"did not predict within 0\.1 s"):
            ask(worker, seconds=0.1)
        assert time.monotonic() - start < 5.0
        assert not worker.alive


def test_a_hang_while_loading_is_ended() -> None:
    late = pytest.raises(ModelTimeout, match=r"did not load within 0\.1 s")
    with make_worker(in_load(SLEEP_WITH_THE_LOCK), worker_load_seconds=0.1) as worker, late as caught:
        worker.start()
    assert "worker.load_seconds" in caught.value.hint


def test_memory_beyond_the_limit_is_an_error_of_the_model() -> None:
    code = "import numpy as np\ndef predict(batch):\n    return np.ones(10**9)[:3] if len(batch) > 1 else [1.0]\n"
    with started(code, worker_memory="600M") as worker:
        with pytest.raises(ModelFailed, match="MemoryError") as caught:
            ask(worker)
        assert "0.6 GB" in caught.value.hint
        assert ask(worker, 1) == [1.0]


def test_memory_beyond_the_limit_while_loading() -> None:
    code = in_load("x = []\nwhile True: x.append(bytearray(10**7))")
    too_much = pytest.raises(ModelFailed, match="the model does not load: MemoryError")
    with make_worker(code, worker_memory="600M") as worker, too_much:
        worker.start()


FORKS = {
    "os.fork": "child = os.fork()",
    "by another name": "import ctypes; child = ctypes.CDLL(None).fork()",
}


@pytest.mark.parametrize("fork", FORKS.values(), ids=FORKS)
@pytest.mark.parametrize("then", ["return batch.column(0)", "raise ValueError(str(child == 0))", "sys.exit()"])
def test_a_forked_process_neither_answers_nor_lives_on(fork: str, then: str) -> None:
    code = in_predict(f"global child; {fork}", f"if child: return [child] * len(batch)\n    {then}")
    with started(code) as worker:
        pids = [int(str(ask(worker)[0])) for _ in range(3)]
        until(lambda: all(gone(pid) for pid in pids), "a forked process lives on")
        assert len(set(pids)) == 3


@pytest.mark.parametrize("fork", FORKS.values(), ids=FORKS)
def test_a_process_forked_while_loading_ends_too(fork: str) -> None:
    with make_worker(f"import os\n{fork}\nFACTS = {{'child': child}}\n{FIRST}") as worker:
        child = worker.start()["child"]
        assert isinstance(child, int)
        assert child > 0
        assert ask(worker) == [0.0, 1.0, 2.0]
        until(lambda: gone(child), "the forked process lives on")


OUTLIVE = {
    "a forked process": "child = os.fork()\n    if not child:\n        while True: time.sleep(1)",
    "a program": "child = subprocess.Popen(['sleep', '1000']).pid",
    "a program with a session of its own": "child = subprocess.Popen(['sleep', '1000'], start_new_session=True).pid",
    "a daemon": (
        "r, w = os.pipe()\n"
        "    if os.fork() == 0:\n"
        "        os.setsid()\n"
        "        child = os.fork()\n"
        "        if child: os.write(w, str(child).encode()); os._exit(0)\n"
        "        while True: time.sleep(1)\n"
        "    child = int(os.read(r, 100))"
    ),
}


@pytest.mark.parametrize("line", OUTLIVE.values(), ids=OUTLIVE)
@pytest.mark.parametrize("end", ["stop", "exit", "crash"])
def test_nothing_that_a_model_starts_outlives_its_worker(line: str, end: str) -> None:
    died = "if len(batch) == 1: os._exit(1)" if end == "exit" else "if len(batch) == 1: os.abort()"
    with started(in_predict(f"{died}\n    {line}", "return [child] * len(batch)")) as worker:
        child = int(str(ask(worker)[0]))
        assert not gone(child)
        if end != "stop":
            with pytest.raises(ModelDied):
                ask(worker, 1)
    until(lambda: gone(child), "the model's process outlived its worker")


@pytest.mark.parametrize(
    "line", ["os.kill(os.getppid(), 9)", "os.killpg(os.getpgid(os.getppid()), 9)", "os.killpg(0, 9)"]
)
def test_a_model_that_kills_around_itself_hits_only_its_own(line: str, tmp_path: Path) -> None:
    start = f"child = subprocess.Popen(['sleep', '1000']).pid; open('{tmp_path}/child', 'w').write(str(child))"
    with started(in_predict(start, f"{line}\n    time.sleep(1000)")) as worker:
        pid = worker._handles._held.worker  # type: ignore[union-attr]
        with pytest.raises(ModelDied):
            ask(worker)
    child = int((tmp_path / "child").read_text())
    assert pid is not None
    until(lambda: gone(pid), "the worker outlived its guard")
    until(lambda: gone(child), "the model's process outlived its worker")


def test_a_guard_that_was_stopped_does_not_keep_the_worker() -> None:
    with started(in_predict("os.kill(os.getppid(), signal.SIGSTOP)")) as worker:
        ask(worker)
        pid = worker._handles._held.worker  # type: ignore[union-attr]
        launch_seconds, launch._END_SECONDS = launch._END_SECONDS, 0.1
        try:
            worker.stop()
        finally:
            launch._END_SECONDS = launch_seconds
    assert pid is not None
    until(lambda: gone(pid), "the worker outlived its guard")


def test_threads_left_behind_do_no_harm() -> None:
    line = "threading.Thread(target=lambda: time.sleep(1000)).start()"
    with started(in_predict(line)) as worker:
        assert [ask(worker, 1) for _ in range(5)] == [[0.0]] * 5


@pytest.mark.parametrize(
    "line", ["os.closerange(0, 1000)", "[os.close(n) for n in range(3, 1000) if os.path.exists(f'/proc/self/fd/{n}')]"]
)
def test_closing_all_descriptors_ends_the_worker(line: str) -> None:
    with started(in_predict(line)) as worker, pytest.raises(ModelDied):
        ask(worker)


def test_nothing_is_sent_to_what_the_model_opened_in_the_sockets_place() -> None:
    line = "import socket; os.closerange(3, 1000); pairs = [socket.socketpair() for _ in range(9)]"
    with started(in_predict(f"global pairs; {line}")) as worker, pytest.raises(ModelDied) as caught:
        ask(worker)
    assert caught.value.details["exit_code"] == 1


@pytest.mark.parametrize(
    "line",
    ["os.chdir('/'); os.environ.clear()", "os.close(0); os.close(1); os.close(2)", "sys.stdout = sys.stderr = None"],
)
def test_a_changed_process_still_answers(line: str) -> None:
    with started(in_predict(f"if len(batch) == 1:\n        {line}")) as worker:
        ask(worker, 1)
        assert ask(worker) == [0.0, 1.0, 2.0]


@pytest.mark.parametrize(
    "line",
    ["sys.modules.clear()", "[sys.modules.pop(n) for n in list(sys.modules)]", "import builtins; del builtins.len"],
)
def test_a_model_that_breaks_its_python_breaks_no_other(line: str) -> None:
    with started(in_predict(f"if batch.num_rows == 1:\n        {line}")) as worker:
        for rows in (1, 3):
            with contextlib.suppress(ModelFailed):
                assert ask(worker, rows) == [float(n) for n in range(rows)]
    with started(FIRST) as worker:
        assert ask(worker) == [0.0, 1.0, 2.0]


@pytest.mark.parametrize("rows", [10, 50_000])
@pytest.mark.parametrize("kept", ["batch", "batch.column(0)", "batch.column(0).to_numpy()", "[batch, []]"])
def test_a_batch_that_the_model_keeps_does_not_change(rows: int, kept: str) -> None:
    code = f"""
KEPT = []
def predict(batch):
    KEPT.append({kept})
    first = KEPT[0]
    first = first[0] if isinstance(first, list) else first
    first = first.column(0) if hasattr(first, "column") else first
    return list(first[:3])
"""
    with started(code) as worker:
        for first in (0.0, 1e6, 2e6):
            raw = worker.predict(numbers(rows, first), {}, [], 30.0)
            assert raw.column(0).to_pylist() == [0.0, 1.0, 2.0]


def test_a_kept_batch_costs_one_segment_and_the_next_are_used_again() -> None:
    with started(
        "KEPT = []\ndef predict(batch):\n    if not KEPT: KEPT.append(batch)\n    return batch.column(0)"
    ) as worker:
        channel = worker._channel
        assert channel is not None
        seen = []
        for first in (0.0, 1.0, 2.0):
            worker.predict(numbers(50_000, first), {}, [], 30.0)
            seen.append(channel._shared)
        assert seen[0] is None
        assert seen[1] is not None
        assert seen[1] is seen[2]


def test_an_answer_that_is_not_sound_is_refused() -> None:
    code = """
import pyarrow as pa
def predict(batch):
    if len(batch) > 1: return batch.column(0)
    return pa.Array.from_buffers(pa.string(), 1, [None, pa.array([0, 2], pa.int32()).buffers()[1], pa.py_buffer(b"\\xff\\xfe")])
"""
    with started(code) as worker:
        with pytest.raises(ModelFailed, match=r"the model failed: what it answered is not sound: .*UTF8"):
            ask(worker, 1)
        assert ask(worker) == [0.0, 1.0, 2.0]


def test_a_small_batch_that_the_model_keeps_leaves_the_shared_memory() -> None:
    with started(
        "KEPT = []\ndef predict(batch):\n    if len(batch) < 9: KEPT.append(batch)\n    return batch.column(0)"
    ) as worker:
        worker.predict(numbers(50_000), {}, [], 30.0)
        shared = worker._channel._shared  # type: ignore[union-attr]
        assert ask(worker) == [0.0, 1.0, 2.0]
        assert worker._channel._shared is shared is not None  # type: ignore[union-attr]


def test_the_environment_has_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "tiger")
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    with started(
        "import os, sys\ndef predict(batch): return [repr(dict(os.environ)), os.getcwd(), repr(sys.path), repr(sys.argv)]"
    ) as worker:
        environ, folder, path, arguments = map(str, ask(worker))
    assert "tiger" not in environ
    assert "PYTHONPATH" not in environ
    assert "'OMP_NUM_THREADS': '1'" in environ
    assert f"'HOME': '{folder}'" in environ
    assert "/somewhere" not in path
    assert str(launch.PROGRAM.parent) not in path
    assert str(Path(process.__file__).parents[3]) not in arguments
    assert not Path(folder).exists()


def test_a_worker_inherits_no_descriptors(tmp_path: Path) -> None:
    with (tmp_path / "secret").open("w") as file:
        os.set_inheritable(file.fileno(), True)
        code = (
            "import os\n"
            "def predict(batch):\n"
            "    return [os.readlink(f'/proc/self/fd/{n}') for n in (0, 1, 2)] + os.listdir('/proc/self/fd')\n"
        )
        with started(code) as one, started(code) as two:
            for worker in (one, two, one):
                null, out, error, *have = map(str, ask(worker))
                assert null == "/dev/null"
                assert out == error
                assert len(have) == 5, "besides the standard ones, the socket and the listing itself"


def restart_often(times: int) -> None:
    children = set(psutil.Process().children())  # such as those of Ray, where its tests ran in this process
    with started(FIRST):
        pass
    before, folders = descriptors(), len(list(Path(tempfile.gettempdir()).glob("muster-*/*")))
    threads = threading.active_count()
    for n in range(times):
        with started(in_predict("os._exit(1) if len(batch) == 1 else None")) as worker:
            worker.predict(numbers(20_000), {}, [], 30.0)
            if n % 2:
                with pytest.raises(ModelDied):
                    ask(worker, 1)
    assert (descriptors(), threading.active_count()) == (before, threads)
    assert len(list(Path(tempfile.gettempdir()).glob("muster-*/*"))) <= folders
    assert set(psutil.Process().children()) <= children


def test_restarts_leave_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    restart_often(6)


@pytest.mark.deep
def test_hundreds_of_restarts_leave_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    restart_often(300)


def test_a_worker_outlives_the_thread_that_started_it() -> None:
    worker = make_worker(FIRST)
    thread = threading.Thread(target=worker.start)
    thread.start()
    thread.join()
    with worker:
        assert ask(worker) == [0.0, 1.0, 2.0]


def test_stopping_breaks_off_a_request() -> None:
    with started(in_predict("print('at work'); time.sleep(1000)")) as worker:
        caught: list[ModelDied] = []

        def predict() -> None:
            with pytest.raises(ModelDied, match="was stopped") as error:
                ask(worker)
            caught.append(error.value)

        thread = threading.Thread(target=predict)
        thread.start()
        until(lambda: "at work" in worker.log, "the model was not asked")
        worker.stop()
        thread.join(5.0)
        assert caught


def test_a_worker_that_nobody_refers_to_ends() -> None:
    worker = make_worker(FIRST)
    worker.start()
    pid = worker._handles._held.worker  # type: ignore[union-attr]
    del worker
    assert pid is not None
    until(lambda: gone(pid), "the worker outlived its last reference")


def test_a_fork_of_muster_leaves_the_worker_to_it() -> None:
    with started(FIRST) as worker:
        before = ask(worker)
        child = os.fork()
        if child == 0:
            worker.stop()
            os._exit(0 if not worker.alive else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert worker.alive
        assert ask(worker) == before


class TestStarting:
    def test_no_python_there(self, tmp_path: Path) -> None:
        failed = pytest.raises(EnvironmentFailed, match=r"cannot be started with .*No such file")
        with make_worker(FIRST, python=str(tmp_path / "python")) as worker, failed:
            worker.start()

    def test_not_a_python(self) -> None:
        with (
            make_worker(FIRST, python="/bin/ls") as worker,
            pytest.raises(EnvironmentFailed, match=r"did not start as a worker \(exit 2\)") as caught,
        ):
            worker.start()
        assert "/bin/ls" in str(caught.value.details["log"])

    def test_a_python_without_pyarrow(self, tmp_path: Path) -> None:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True)
        failed = pytest.raises(EnvironmentFailed, match=r"no usable pyarrow: No module named 'pyarrow'")
        with make_worker(FIRST, python=str(tmp_path / "bare/bin/python")) as worker, failed:
            worker.start()

    def test_another_protocol(self, text_program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(process, "PROTOCOL", 99)
        with (
            make_worker(FIRST) as worker,
            pytest.raises(EnvironmentFailed, match="speaks protocol 1, and this process 99"),
        ):
            worker.start()

    def test_stopped_before_it_starts(self) -> None:
        worker = make_worker(FIRST)
        worker.stop()
        with pytest.raises(ModelDied, match="was stopped"):
            worker.start()
        worker.stop()

    def test_asked_after_it_ended(self) -> None:
        with started(FIRST) as worker:
            worker.stop()
            with pytest.raises(ModelDied, match="has ended"):
                ask(worker)

    def test_leaves_nothing_when_it_fails(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        before = descriptors()
        for python in ("/bin/ls", "/no/such/python"):
            with make_worker(FIRST, python=python) as worker, pytest.raises(EnvironmentFailed):
                worker.start()
        del worker
        assert descriptors() == before
        assert list(tmp_path.rglob("*")) == [tmp_path / f"muster-{os.getuid()}"], "the user's own, and nothing in it"


@pytest.mark.skipif(sys.platform != "linux", reason="never: the system does not tell")
def test_what_a_worker_takes_is_known() -> None:
    with started("kept = bytearray(50_000_000)\n" + FIRST) as worker:
        assert 50_000_000 < worker.memory < 250_000_000
    assert worker.memory == 0
