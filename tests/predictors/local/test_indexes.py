from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.errors import InvalidConfig
from muster.predictors.local.indexes import has_secret, mask, uv_settings, without_secret

_WORD = st.text("abcXYZ019._~%-", min_size=1, max_size=12)


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """A machine without any setting, whatever this one has."""
    (tmp_path / "home").mkdir()
    return {"HOME": str(tmp_path / "home"), "XDG_CONFIG_DIRS": str(tmp_path), "PIP_CONFIG_FILE": "/dev/null"}


def test_pips_variables_in_uvs_words(home: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "wheels").mkdir()
    pip = {
        "PIP_INDEX_URL": "https://one.example/simple",
        "PIP_EXTRA_INDEX_URL": "https://two.example/simple https://three.example/simple",
        "PIP_FIND_LINKS": "wheels https://four.example/",
        "PIP_CERT": "/etc/authority.pem",
        "PIP_TRUSTED_HOST": "one.example",
        "PIP_NO_INDEX": "1",
    }
    settings, flags = uv_settings(home | pip, tmp_path)
    assert settings == {
        "UV_DEFAULT_INDEX": "https://one.example/simple",
        "UV_INDEX": "https://two.example/simple https://three.example/simple",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_FIND_LINKS": f"{tmp_path}/wheels,https://four.example/",
        "SSL_CERT_FILE": "/etc/authority.pem",
        "UV_INSECURE_HOST": "one.example",
    }
    assert flags == ["--no-index"]


def test_pips_files_by_section_and_order(home: dict[str, str], tmp_path: Path) -> None:
    user = tmp_path / "home" / ".config" / "pip" / "pip.conf"
    user.parent.mkdir(parents=True)
    user.write_text(
        "[global]\nindex-url = https://user.example\ntimeout = 7\n[wheel]\ncert = /w.pem\n[install]\nno_index = no\n"
    )
    named = tmp_path / "named.conf"
    named.write_text(
        "[global]\nextra-index-url =\n    https://a.example\n    https://b.example\n[install]\nindex-url = https://named.example\n"
    )
    settings, flags = uv_settings(home | {"PIP_CONFIG_FILE": str(named)}, tmp_path)
    assert settings["UV_DEFAULT_INDEX"] == "https://named.example"
    assert settings["UV_INDEX"] == "https://a.example https://b.example"
    assert settings["UV_HTTP_TIMEOUT"] == "7"
    assert settings["SSL_CERT_FILE"] == "/w.pem"
    assert flags == []


def test_uvs_own_settings_win(home: dict[str, str], tmp_path: Path) -> None:
    pip = {"PIP_INDEX_URL": "https://pip.example", "PIP_CERT": "/pip.pem"}
    own = {"UV_INDEX_URL": "https://uv.example", "SSL_CERT_FILE": "/uv.pem"}
    assert uv_settings(home | pip | own, tmp_path) == (own, [])
    file = tmp_path / "home" / ".config" / "uv" / "uv.toml"
    file.parent.mkdir(parents=True)
    file.write_text('[[index]]\nurl = "https://uv.example"\n')
    assert uv_settings(home | pip, tmp_path) == ({"SSL_CERT_FILE": "/pip.pem"}, [])
    assert uv_settings(home | pip | {"UV_NO_CONFIG": "1"}, tmp_path)[0]["UV_DEFAULT_INDEX"] == "https://pip.example"


def test_relative_paths_are_meant_from_where_one_stands(home: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "shelf").mkdir()
    settings, _ = uv_settings(home | {"UV_FIND_LINKS": "shelf,/else,https://x.example/shelf"}, tmp_path)
    assert settings == {"UV_FIND_LINKS": f"{tmp_path}/shelf,/else,https://x.example/shelf"}


def test_a_broken_file_of_pip_is_named(home: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "bad.conf").write_text("index-url = https://u:pw@x.example\n")
    with pytest.raises(InvalidConfig, match=r"bad\.conf") as caught:
        uv_settings(home | {"PIP_CONFIG_FILE": str(tmp_path / "bad.conf")}, tmp_path)
    assert "pw" not in str(caught.value)


@given(_WORD, _WORD, _WORD)
def test_no_secret_is_shown_or_stored(user: str, password: str, token: str) -> None:
    for secret in (f"{user}:{password}@", f"{token}@"):
        url = f"https://{secret}host.example/simple"
        text = mask(f"error: Failed to fetch: `{url}` (401), see {url}")
        assert secret not in text
        assert "host.example/simple" in text
        assert has_secret(url)
        assert without_secret(f"--index-url {url}") == "--index-url https://host.example/simple"
    signed = f"https://host.example/a.whl?X-Amz-Signature={token}x&part=1"
    assert has_secret(signed)
    assert f"{token}x" not in mask(signed)


@pytest.mark.parametrize(
    "url",
    [
        "https://host.example/simple",
        "https://${USER}:${TOKEN}@host.example/simple",
        "https://${TOKEN}@host.example/",
        "six>=1.0",
    ],
)
def test_a_reference_to_a_variable_is_no_secret(url: str) -> None:
    assert not has_secret(url)
    assert without_secret(url) == url
