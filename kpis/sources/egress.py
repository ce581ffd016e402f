"""The one way out: every connection to another machine is made here, to an address that was checked.

A name is resolved once. If any of its addresses is one that only machines of our own network have,
nothing is connected, unless the installation allows that host or network (KPI_EGRESS_ALLOW). The
connection then goes to the checked address itself, so that a second answer of a name server changes
nothing; TLS and the Host header keep the name.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from kpis.domain.sentences import Sentence
from kpis.domain.sentences import gettext_noop as _
from kpis.sources.base import SourceError

type Address = IPv4Address | IPv6Address

DENIED_V4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared by the customers of a provider; metadata of one cloud
        "127.0.0.0/8",  # this machine
        "168.63.129.16/32",  # the platform of one cloud, reachable only from inside it
        "169.254.0.0/16",  # link; metadata of most clouds
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments; metadata of one cloud
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # measurements
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
# Everything outside of it is local, mapped (::ffff:0:0/96), translated (64:ff9b::/96) or reserved.
GLOBAL_V6 = IPv6Network("2000::/3")
DENIED_V6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # Teredo, which holds an IPv4 address, and other protocol assignments
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, which holds an IPv4 address
        "3fff::/20",  # documentation
    )
)
SECONDS_TO_CONNECT = 10.0
SILENT = _("%(host)s does not answer on port %(port)s.")


@dataclass(frozen=True)
class Egress:
    """Whom the sources of this installation may reach: the public internet, and what it allows beside."""

    allow: tuple[str, ...] = ()

    def addresses_of(self, host: str, port: int) -> list[str]:
        """Return the addresses of `host`, all of them checked; SourceError if one is not to be reached."""
        name = host.strip("[]").rstrip(".").lower()
        if not name or any(character in name for character in "/\\,@ \t\r\n\0%"):
            raise SourceError(Sentence(_("%(host)s is not the name of a host."), {"host": repr(host)}))
        try:
            found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise SourceError(Sentence(_("The host %(host)s is not known."), {"host": name})) from None
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        if name not in self._names:
            for address in addresses:
                if not self.may_reach(address):
                    says = _(
                        "%(host)s leads to an address inside of our own network, which is not connected to."
                        " An administrator of the server can allow it with KPI_EGRESS_ALLOW."
                    )
                    raise SourceError(Sentence(says, {"host": name}))
        return addresses

    def connect(self, host: str, port: int, *, seconds: float = SECONDS_TO_CONNECT) -> socket.socket:
        """Return a connection to `host`, made to one of its checked addresses."""
        for address in self.addresses_of(host, port):
            try:
                return socket.create_connection((address, port), timeout=seconds)
            except OSError:
                continue
        raise SourceError(Sentence(SILENT, {"host": host, "port": str(port)}))

    def connectable(self, host: str, port: int) -> str:
        """Return the first checked address of `host` that answers, for a library that connects by itself."""
        with self.connect(host, port) as connection:
            return str(connection.getpeername()[0])

    def may_reach(self, address: str) -> bool:
        """Return whether an address is public, or allowed by the installation."""
        ip = ip_address(address.partition("%")[0])
        if any(ip.version == network.version and ip in network for network in self._networks):
            return True
        return is_public(ip)

    @cached_property
    def _networks(self) -> Sequence[IPv4Network | IPv6Network]:
        networks = (_network(word) for word in self.allow)
        return [network for network in networks if network is not None]

    @cached_property
    def _names(self) -> frozenset[str]:
        return frozenset(word.rstrip(".").lower() for word in self.allow if _network(word) is None)


def is_public(ip: Address) -> bool:
    """Return whether an address is one of the public internet, written in its plain form."""
    if isinstance(ip, IPv4Address):
        return not any(ip in network for network in DENIED_V4)
    return ip in GLOBAL_V6 and not any(ip in network for network in DENIED_V6)


def _network(word: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(word, strict=False)
    except ValueError:
        return None
