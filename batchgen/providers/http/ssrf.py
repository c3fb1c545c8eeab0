"""Which network addresses a link from an answer may lead to.

An answer is untrusted: its links, and their redirects, must not reach into the private network of
the machine that runs batchgen. The check stands where the socket is opened, on the very address that is
connected to, so a name that resolves differently the second time gains nothing. Where the API
itself is on a private network (a simulator, a gateway in the house), links may lead there too.
Link-local addresses, where clouds keep their credentials, are never allowed.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any, Final

# Carries an IPv4 address in its last 32 bits (RFC 6052).
_NAT64: Final = IPv6Network("64:ff9b::/96")


class ForbiddenAddressError(OSError):
    """A link leads to an address that links may not lead to."""


class AddressGuard:
    """Opens sockets to allowed addresses and to no others.

    api_host: the API's host. While its address is not known, nothing private is allowed.
    """

    def __init__(self, api_host: str) -> None:
        self._api_host = api_host
        self._api_is_private: bool | None = None

    async def learn_where_the_api_is(self) -> None:
        """Look the API's host up, once it can be found. A name that cannot be found is tried again next time."""
        if self._api_is_private is not None:
            return
        try:
            found = await asyncio.get_running_loop().getaddrinfo(self._api_host, None, type=socket.SOCK_STREAM)
        except OSError:
            return
        self._api_is_private = any(is_private(str(address[0])) for *_, address in found)

    def open_socket(self, candidate: tuple[Any, ...]) -> socket.socket:
        """A socket for one result of getaddrinfo; ForbiddenAddressError if its address is not allowed."""
        family, kind, protocol, _, address = candidate
        if not self._allows(address):
            raise ForbiddenAddressError(f"{address[0]} is a private or reserved address: links may not lead there")
        return socket.socket(family=family, type=kind, proto=protocol)

    def check_literal(self, host: str) -> None:
        """Refuse a host that is written as a forbidden address: all that can be known where a proxy connects to it.

        Raises ForbiddenAddressError.
        """
        try:
            is_allowed = self._allows((host,))
        except ValueError:
            return  # a name
        if not is_allowed:
            raise ForbiddenAddressError(f"{host} is a private or reserved address: links may not lead there")

    def _allows(self, address: Sequence[Any]) -> bool:
        host = str(address[0])
        return is_public(host) or (bool(self._api_is_private) and is_private(host))


def is_in_the_clear(scheme: str, host: str) -> bool:
    """Whether what is sent to a host can be read on its way over the internet, as far as its name tells.

    Names without a dot, `.local` and `.internal` (RFC 6762, ICANN) are those of private networks.
    """
    if scheme == "https":
        return False
    try:
        return not is_private(host)
    except ValueError:
        name = host.lower().rstrip(".")
        return "." in name and not name.endswith((".localhost", ".local", ".internal"))


def is_public(host: str) -> bool:
    """Whether an IP address belongs to the internet at large."""
    address = _innermost(host)
    return address.is_global and not (address.is_multicast or address.is_reserved or _is_site_local(address))


def is_private(host: str) -> bool:
    """Whether an IP address is this machine's or a private network's: loopback, RFC 1918, RFC 4193."""
    address = _innermost(host)
    if address.is_loopback:
        return True
    return address.is_private and not (address.is_link_local or address.is_unspecified or address.is_reserved)


def _innermost(host: str) -> IPv4Address | IPv6Address:
    """The IPv4 address that an IPv6 address stands for, if it does, since that is where packets go."""
    address = ip_address(host.partition("%")[0])
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(address.packed[-4:])
    return address.ipv4_mapped or address.sixtofour or address


def _is_site_local(address: IPv4Address | IPv6Address) -> bool:
    return isinstance(address, IPv6Address) and address.is_site_local
