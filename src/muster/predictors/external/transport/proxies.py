"""The way to a server: direct, or through a proxy."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit, urlunsplit
from urllib.request import getproxies, proxy_bypass

from muster.errors import InvalidConfig

__all__ = ["proxy_of", "without_login"]


def proxy_of(url: str, setting: str = "") -> str | None:
    """The proxy's address: the setting's, else that of HTTPS_PROXY and its kin but for hosts in NO_PROXY; None is direct."""
    split = urlsplit(url)
    if setting:
        return _usable(setting, "the setting `proxy`")
    if not split.hostname or proxy_bypass(split.netloc.rpartition("@")[2]):
        return None
    proxies = getproxies()
    found = proxies.get(split.scheme) or proxies.get("all")
    return _usable(found, f"{split.scheme}_proxy") if found else None


def without_login(proxy: str) -> tuple[str, str]:
    """The address, and `user:password`, which is empty where there is none."""
    split = urlsplit(proxy)
    login, _, host = split.netloc.rpartition("@")
    return urlunsplit((split.scheme, host, "", "", "")), unquote(login)


def _usable(proxy: str, source: str) -> str:
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    split = urlsplit(proxy)
    if split.scheme not in ("http", "https") or not split.hostname:
        raise InvalidConfig(
            f"{source} names a proxy of `{split.scheme}`", hint="give one of http or https, as http://host:port"
        )
    return proxy
