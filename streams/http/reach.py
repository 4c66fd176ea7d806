"""Which addresses may be connected to: judged by where a name leads, not by what it is called."""

import socket
from collections.abc import Iterator
from fnmatch import fnmatchcase
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final, NamedTuple, TypeAlias

from streams.errors import ForbiddenAddressError, UnreachableError

__all__ = ["Reach", "is_public"]

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

# Translated to the IPv4 address in its last 32 bits (RFC 6052, section 2.1).
_NAT64: Final = ip_network("64:ff9b::/96")


class Reach(NamedTuple):
    """What may be connected to.

    Attributes
    ----------
    hosts : tuple of str
        Names, or patterns such as `*.example.com`; empty: any.
    networks : tuple of IPv4Network or IPv6Network
        What may be reached although it is private, loopback, link-local or reserved.
    """

    hosts: tuple[str, ...] = ()
    networks: tuple[Network, ...] = ()

    def names(self, host: str) -> bool:
        """Whether a host is on the list."""
        name = host.lower().rstrip(".")
        return not self.hosts or any(fnmatchcase(name, held.lower()) for held in self.hosts)

    def allows(self, address: Address) -> bool:
        """Whether an address may be connected to, and every one that it stands for."""
        return all(
            is_public(one) or any(one in network for network in self.networks)
            for one in _meant(address)
        )

    def addresses(self, host: str, port: int) -> list[str]:
        """Return the addresses of a host that may be connected to, in the resolver's order.

        Whoever connects must connect to one of these, and not ask for the name again: a second
        answer could be another one.

        Raises
        ------
        UnreachableError
            If the name leads nowhere.
        ForbiddenAddressError
            If it is not on the list, or leads only to addresses that are not allowed.
        """
        if not self.names(host):
            raise ForbiddenAddressError(f"`{host}` is not among `outbound.hosts`")
        try:
            answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or error
            raise UnreachableError(f"`{host}` cannot be resolved: {reason}") from error
        found = list(dict.fromkeys(str(answer[4][0]) for answer in answers))
        allowed = [text for text in found if self.allows(_parsed(text))]
        if not allowed:
            raise ForbiddenAddressError(
                f"`{host}` leads to {found[0]}, which is not public: if that is right, put its "
                "network into `outbound.networks`"
            )
        return allowed


def is_public(address: Address) -> bool:
    """Whether an address is one of the Internet: neither private, loopback nor link-local.

    Examples
    --------
    >>> [is_public(ip_address(text)) for text in ("8.8.8.8", "10.0.0.1", "169.254.169.254", "::1")]
    [True, False, False, False]
    """
    return address.is_global and not address.is_multicast


def _meant(address: Address) -> Iterator[Address]:
    """Yield an address and the IPv4 addresses that it is translated or tunnelled to."""
    if isinstance(address, IPv4Address):
        yield address
    elif address.ipv4_mapped is not None:
        yield address.ipv4_mapped
    else:
        yield address
        if address in _NAT64:
            yield IPv4Address(int(address) & 0xFFFFFFFF)
        if address.sixtofour is not None:
            yield address.sixtofour
        if address.teredo is not None:
            yield from address.teredo


def _parsed(text: str) -> Address:
    """Return an address; of a link-local one without the interface that it is on."""
    return ip_address(text.partition("%")[0])
