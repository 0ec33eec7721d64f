from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import muster
from muster.config import SETTINGS, Settings, expanded, size
from muster.errors import InvalidConfig, InvalidInput

NAME, VARIABLE = "worker.call_seconds", "MUSTER_WORKER_CALL_SECONDS"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    (folder / ".config" / "muster").mkdir(parents=True)
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project" / "deep" / "deeper"
    folder.mkdir(parents=True)
    return folder


def user_file(home: Path, text: str) -> Path:
    file = home / ".config" / "muster" / "muster.toml"
    file.write_text(text)
    return file


class TestPrecedence:
    def test_each_source_gives_way_to_the_one_before(self, home: Path, project: Path) -> None:
        def load(
            arguments: dict[str, object] | None = None, environ: dict[str, str] | None = None
        ) -> tuple[float, str]:
            settings = Settings.load(arguments, environ=environ or {}, folder=project, home=home)
            return settings.seconds(NAME), settings.source(NAME)

        assert load() == (60.0, "default")
        mine = user_file(home, "[worker]\ncall_seconds = 1\n")
        assert load() == (1.0, str(mine))
        shared = project.parent.parent / "muster.toml"
        shared.write_text("[worker]\ncall_seconds = 2\n")
        assert load() == (2.0, str(shared))
        nearer = project / "muster.toml"
        nearer.write_text("[worker]\ncall_seconds = 3\n")
        assert load() == (3.0, str(nearer))
        assert load(environ={VARIABLE: "4"}) == (4.0, "environment")
        assert load({NAME: 5.0}, {VARIABLE: "4"}) == (5.0, "argument")

    def test_an_argument_of_none_says_nothing(self, home: Path, project: Path) -> None:
        settings = Settings.load({NAME: None}, environ={VARIABLE: "4"}, folder=project, home=home)
        assert (settings[NAME], settings.source(NAME)) == (4.0, "environment")

    def test_settings_without_a_section(self, home: Path, project: Path) -> None:
        (project / "muster.toml").write_text('hub = "/data/hub"\nactor = "ci"\n')
        settings = Settings.load(environ={"MUSTER_HUB": "./here"}, folder=project, home=home)
        assert settings.text("hub") == "./here"
        assert settings.text("actor") == "ci"

    def test_the_user_s_file_is_where_the_system_says(self, home: Path, project: Path, tmp_path: Path) -> None:
        (tmp_path / "xdg" / "muster").mkdir(parents=True)
        file = tmp_path / "xdg" / "muster" / "muster.toml"
        file.write_text("[worker]\ncall_seconds = 9\n")
        settings = Settings.load(environ={"XDG_CONFIG_HOME": str(tmp_path / "xdg")}, folder=project, home=home)
        assert settings.source(NAME) == str(file)

    def test_the_process_s_own_surroundings_count_where_none_are_given(
        self, project: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(project)
        monkeypatch.setenv(VARIABLE, "7")
        assert Settings.load()[NAME] == 7.0


class TestWrong:
    def test_everything_is_told_at_once_with_its_source(self, home: Path, project: Path) -> None:
        mine = user_file(home, "[worker]\ncall_second = 1\n")
        environ = {VARIABLE: "soon", "MUSTER_WORKER_MEMORY": "much"}
        with pytest.raises(InvalidConfig) as caught:
            Settings.load({"worker.count": -1}, environ=environ, folder=project, home=home)
        message = caught.value.message
        assert f"{mine}: no setting `worker.call_second`; did you mean `worker.call_seconds`" in message
        assert (
            "environment: `worker.call_seconds` cannot be 'soon': it says how long a model may take for one batch"
            in message
        )
        assert "environment: `worker.memory` cannot be 'much'" in message
        assert "argument: `worker.count` cannot be -1" in message
        assert "muster config show" in caught.value.hint

    @pytest.mark.parametrize("text", ["nan", "inf", "0", "-1", "", "1m"])
    def test_seconds_that_are_none(self, text: str, home: Path, project: Path) -> None:
        with pytest.raises(InvalidConfig, match=NAME):
            Settings.load(environ={VARIABLE: text}, folder=project, home=home)

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("worker.count", "0"),
            ("worker.count", "1.5"),
            ("score.chunk_rows", "-1"),
            ("worker.memory", "inf"),
            ("worker.memory", "-1G"),
        ],
    )
    def test_numbers_that_are_none(self, name: str, text: str, home: Path, project: Path) -> None:
        with pytest.raises(InvalidConfig, match=f"`{name}` cannot be '{text}'"):
            Settings.load({name: text}, environ={}, folder=project, home=home)

    @pytest.mark.parametrize("content", [b"[worker\n", b"\xff\xfe", b"a = \n"])
    def test_a_file_that_is_no_toml_is_named(self, content: bytes, home: Path, project: Path) -> None:
        (project / "muster.toml").write_bytes(content)
        with pytest.raises(InvalidConfig, match=r"muster\.toml is not TOML"):
            Settings.load(environ={}, folder=project, home=home)

    def test_a_variable_that_is_no_setting_is_somebody_else_s(self, home: Path, project: Path) -> None:
        Settings.load(environ={"MUSTER_NO_PROGRESS": "1", "MUSTER_X": "y"}, folder=project, home=home)


class TestSettings:
    def test_all_of_them_have_a_default_that_their_own_text_gives(self, home: Path, project: Path) -> None:
        settings = Settings.load(environ={}, folder=project, home=home)
        assert list(settings) == list(SETTINGS)
        assert len(settings) == len(SETTINGS)
        for name, setting in SETTINGS.items():
            assert setting.parse(str(settings[name])) == settings[name]
            assert settings.source(name) == "default"
            assert setting.about
            assert setting.variable == "MUSTER_" + name.upper().replace(".", "_")

    def test_variables_are_not_ambiguous(self) -> None:
        assert len({s.variable for s in SETTINGS.values()}) == len(SETTINGS)

    def test_they_cross_processes(self, home: Path, project: Path) -> None:
        settings = Settings.load({NAME: 3.0}, environ={}, folder=project, home=home)
        again = pickle.loads(pickle.dumps(settings))
        assert dict(again) == dict(settings)
        assert again.source(NAME) == "argument"

    def test_a_worker_s_share_of_the_machine(self, home: Path, project: Path) -> None:
        settings = Settings.load(environ={}, folder=project, home=home)
        assert 0 < settings.number("worker.memory") < os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        assert settings.number("worker.count") >= 1


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("512", 512),
        ("512M", 512_000_000),
        ("2 GiB", 2 << 30),
        ("1.5g", 1_500_000_000),
        ("64KB", 64_000),
        ("64Ki", 65_536),
        (" 8 mb ", 8_000_000),
        ("1b", 1),
        ("3 TB", 3_000_000_000_000),
    ],
)
def test_sizes(text: str, number: int) -> None:
    assert size(text) == number


@pytest.mark.parametrize("text", ["", "M", "12 apples", "1Q", "-1G", "nan", "inf", "1 2", "0x10", "1i", "1iB", "1e3"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match=f"^{text}$"):
        size(text)


@given(st.integers(0, 2**60), st.sampled_from(["", "K", "M", "G", "Ki", "Mi", "Gi"]))
def test_sizes_are_counted_exactly(number: int, unit: str) -> None:
    factor = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}[unit]
    assert size(f"{number}{unit}") == number * factor


@pytest.mark.skipif(os.getuid() != 0, reason="never: only root can become another user")
def test_a_user_without_name_and_home_opens_a_hub(tmp_path: Path) -> None:
    """As in a container that runs under a number of its own."""
    code = "import os, sys, muster\nos.setreuid(123_456, 0)\nwith muster.open(sys.argv[1]) as hub: print(hub._actor)"
    command = [sys.executable, "-c", code, str(tmp_path / "hub")]
    ran = subprocess.run(command, env={"PATH": os.defpath}, capture_output=True, text=True, check=False)
    assert ran.stdout == "uid-123456\n", ran.stderr


def test_the_home_of_nobody_is_a_name_like_another() -> None:
    assert expanded("~nobody-of-this-name/x") == Path("~nobody-of-this-name/x")
    assert expanded("~") == Path.home()


@pytest.mark.parametrize("target", ["sqlite://", "sqlite:///", "sqlite:////"])
def test_a_database_without_a_name_is_no_hub(target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidInput, match="names no file"):
        muster.open(target)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("given", ["hub = 3", "hub = true", "actor = 1.5", "hub = [1]"])
def test_a_name_that_is_no_text_is_told(given: str, home: Path) -> None:
    file = user_file(home, given)
    with pytest.raises(InvalidConfig, match=f"{file}: `(hub|actor)` cannot be "):
        Settings.load(environ={}, home=home, folder=home)


def test_workers_have_a_bound(home: Path) -> None:
    with pytest.raises(
        InvalidConfig,
        match=r"`worker\.count` cannot be '100000': it says how many workers a scoring uses, 1024 at most",
    ):
        Settings.load(environ={"MUSTER_WORKER_COUNT": "100000"}, home=home, folder=home)


def test_a_password_does_not_go_to_other_processes_and_is_found_there(monkeypatch: pytest.MonkeyPatch) -> None:
    url = "https://me:word-of-mouth@index.example/simple"
    known = Settings.load({"environment.index": url, "worker.count": 3}, environ={})
    sent = pickle.dumps(known)
    assert b"word-of-mouth" not in sent
    there: Settings = pickle.loads(sent)
    assert there.number("worker.count") == 3
    with pytest.raises(InvalidConfig, match=r"`environment\.index` has a password, which is not sent") as raised:
        there.text("environment.index")
    assert "MUSTER_ENVIRONMENT_INDEX" in raised.value.hint
    monkeypatch.setenv("MUSTER_ENVIRONMENT_INDEX", "https://me:another@elsewhere.example/simple")
    with pytest.raises(InvalidConfig):
        pickle.loads(sent).text("environment.index")
    monkeypatch.setenv("MUSTER_ENVIRONMENT_INDEX", url)
    found: Settings = pickle.loads(sent)
    assert found.text("environment.index") == url
    assert b"word-of-mouth" not in pickle.dumps(found)
    assert pickle.loads(pickle.dumps(Settings.load(environ={}))).text("hub") == "./.muster"
