"""Addresses on the web, checked before anything is sent to them.

The API's own address and every link from an answer pass here: http or https, a host that can be
looked up, no credentials. The text of a refusal says what is wrong and does not quote the address,
which may hold a password.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address
from typing import Final

from yarl import URL

from batchgen.core.errors import UsageError

# Names as the DNS takes them: labels of 1 to 63 characters (RFC 1035), with the underscore that some hosts have.
_NAME: Final = re.compile(r"(?!.{254})[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?", re.IGNORECASE)


# What a request line can carry as it is written.
_PLAIN: Final = re.compile(r"[!-~]+")


def read_url(text: str) -> URL:
    """Read a URL; it is sent byte for byte where a request line can carry it, since a signature may be over its text.

    Raises ValueError.
    """
    try:
        return URL(text, encoded=_PLAIN.fullmatch(text) is not None)
    except IndexError:  # for "http://[]@/"
        raise ValueError("not a URL") from None


def parse_http_url(text: str) -> URL:
    """The URL that `text` is. Raises ValueError, whose text completes the sentence "the address ..."."""
    try:
        url = read_url(text)
        # `host` decodes international names, which fails for some that are none.
        host, port, _ = url.raw_host, url.port, url.host
        has_credentials = url.raw_user is not None or url.raw_password is not None
    except (ValueError, UnicodeError):
        raise ValueError("cannot be read as a URL") from None
    if url.scheme not in ("http", "https"):
        raise ValueError("is neither http nor https")
    if has_credentials:
        raise ValueError("holds a user name or password")
    if not host or not port or not (":" in host or _NAME.fullmatch(host)):
        raise ValueError("names no host that can be looked up")
    if re.fullmatch(r"[0-9.]+", host):
        _refuse_odd_ipv4(host)
    return url


def parse_base_url(text: str) -> URL:
    """The API's address; BatchgenError if it cannot be one."""
    try:
        url = parse_http_url(text)
    except ValueError as problem:
        raise UsageError(f"The base URL {problem}. It looks like https://api.aimlapi.com") from None
    if url.query_string or url.fragment:
        raise UsageError("The base URL holds a ? or #. It looks like https://api.aimlapi.com")
    return url


def without_version(base_url: str) -> str:
    """Return a base URL without `/v1` at its end: many services name it so, and the paths of calls begin with one."""
    return base_url.rstrip("/").removesuffix("/v1")


def _refuse_odd_ipv4(host: str) -> None:
    """127.1 and 2130706433 mean 127.0.0.1 to a socket and nothing to a reader."""
    try:
        IPv4Address(host)
    except ValueError:
        raise ValueError("writes an IP address in a way that hides it") from None
