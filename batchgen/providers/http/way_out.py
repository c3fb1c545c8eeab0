"""The way from this machine to the internet, as its environment says: which proxy, and whose certificates are trusted.

The variables are those of curl and requests: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY in either case;
SSL_CERT_FILE, which OpenSSL reads by itself, REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE.
"""

from __future__ import annotations

import os
import ssl
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.request import getproxies_environment, proxy_bypass

import aiohttp
from yarl import URL

from batchgen.core.errors import UsageError

_BUNDLES: Final = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


class Proxies:
    """The proxies that the environment names; none where they are not to be used. It may hold their passwords.

    Raises UsageError for a proxy that cannot be used.
    """

    __slots__ = ("_by_scheme",)

    def __init__(self, *, are_used: bool) -> None:
        self._by_scheme = getproxies_environment() if are_used else {}
        for scheme in ("http", "https", "all"):
            if scheme in self._by_scheme:
                self._by_scheme[scheme] = _address(scheme, self._by_scheme[scheme])

    def of(self, url: URL) -> URL | None:
        """Return the proxy for a URL; None for this machine's own addresses, and for what NO_PROXY names."""
        proxy = self._by_scheme.get(url.scheme) or self._by_scheme.get("all")
        host = url.host or ""
        if not proxy or _is_loopback(host) or proxy_bypass(f"{host}:{url.port}"):
            return None
        return URL(proxy)

    def __repr__(self) -> str:
        return f"Proxies({', '.join(self._by_scheme)})"


def certificates() -> ssl.SSLContext | bool:
    """Return whose certificates are trusted: what aiohttp takes as `ssl`. Raises UsageError."""
    bundle = next(filter(None, map(os.environ.get, _BUNDLES)), None)
    if bundle is None:
        return True
    try:
        context = ssl.create_default_context()
        kind = "capath" if Path(bundle).is_dir() else "cafile"
        context.load_verify_locations(**{kind: bundle})
    except (OSError, ssl.SSLError) as error:
        names = " or ".join(_BUNDLES)
        raise UsageError(f"{bundle}, which {names} names, holds no certificates: {error.strerror or error}") from None
    return context


def hint(error: Exception) -> str:
    """What a user can do about a connection that was not made, to be added to the reason; often nothing is known."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return "; where a company's own authority signs, name the file of its certificate in SSL_CERT_FILE"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "; where a proxy is the only way out, name it in HTTPS_PROXY"
    return ""


def _address(scheme: str, written: str) -> str:
    address = written if "://" in written else f"http://{written}"
    if not address.lower().startswith(("http://", "https://")):
        kind = address.partition("://")[0]
        raise UsageError(
            f"{scheme.upper()}_PROXY names a proxy of the kind {kind}: only http and https proxies can be used. "
            "Name such a one, or turn proxies off with `proxy = false` under [api]."
        )
    return address


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
