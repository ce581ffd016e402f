"""The way out: which addresses are public, and that nothing is connected to any other."""

from __future__ import annotations

import socket
from ipaddress import ip_address
from typing import Any

import pytest

from kpis.sources.base import SourceError
from kpis.sources.egress import Egress, is_public

# fmt: off
INSIDE = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.254",
    "168.63.129.16", "169.254.0.1", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.192",
    "192.0.2.1", "192.88.99.1", "192.168.0.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1",
    "239.255.255.255", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:8.8.8.8", "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1", "100::1", "2001::1", "2001:0:7f00:1::1", "2001:10::1",
    "2001:20::1", "2001:db8::1", "2002:7f00:1::1", "2002:808:808::1", "3fff::1", "5f00::1", "fc00::1",
    "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1",
]
OUTSIDE = [
    "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255",
    "128.0.0.0", "169.253.255.255", "172.15.255.255", "172.32.0.0", "192.0.1.0", "192.167.255.255", "192.169.0.0",
    "198.17.255.255", "198.20.0.0", "223.255.255.255", "2001:200::1", "2606:4700:4700::1111", "2a00:1450::1",
    "2003::1",
]
# fmt: on


@pytest.mark.parametrize("address", INSIDE)
def test_addresses_that_only_a_network_of_ones_own_has_are_not_public(address: str) -> None:
    assert not is_public(ip_address(address))
    assert not Egress().may_reach(address)


@pytest.mark.parametrize("address", OUTSIDE)
def test_all_others_are_public(address: str) -> None:
    assert Egress().may_reach(address)


# Spellings that a name server or the C library turns into an address.
@pytest.mark.parametrize(
    "host", ["127.0.0.1", "[::1]", "0x7f.1", "127.1", "2130706433", "017700000001", "localhost", "LOCALHOST.", "0"]
)
def test_no_spelling_leads_to_this_machine(host: str) -> None:
    with pytest.raises(SourceError, match=r"inside of our own network|is not known"):
        Egress().addresses_of(host, 80)


@pytest.mark.parametrize("host", ["", "/tmp/socket", "a,b", "user@host", "host name", "fe80::1%eth0", "host\n"])
def test_what_is_no_host_is_not_even_looked_up(host: str, monkeypatch: Any) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: pytest.fail("looked up"))
    with pytest.raises(SourceError, match="is not the name of a host"):
        Egress().addresses_of(host, 80)


def answers(monkeypatch: Any, *rounds: list[str]) -> list[str]:
    """Let the name server give other addresses each time; return the names that were asked for."""
    asked: list[str] = []

    def getaddrinfo(name: str, port: int, **_: Any) -> list[Any]:
        asked.append(name)
        return [(0, 0, 0, "", (address, port)) for address in rounds[min(len(asked), len(rounds)) - 1]]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


def test_one_address_inside_among_others_is_enough_to_refuse_a_name(monkeypatch: Any) -> None:
    answers(monkeypatch, ["8.8.8.8", "169.254.169.254"])
    with pytest.raises(SourceError, match=r"^data\.example\.org leads to an address inside of our own network"):
        Egress().addresses_of("data.example.org", 443)


def test_the_name_is_asked_for_once_and_the_checked_address_is_connected_to(monkeypatch: Any) -> None:
    asked = answers(monkeypatch, ["8.8.8.8"], ["127.0.0.1"])
    connected: list[Any] = []
    monkeypatch.setattr(socket, "create_connection", lambda address, timeout: connected.append(address))
    Egress().connect("data.example.org", 443)
    assert (asked, connected) == (["data.example.org"], [("8.8.8.8", 443)])


@pytest.mark.parametrize(
    ("allow", "reached"),
    [
        ((), False),
        (("db.internal",), True),
        (("DB.internal.",), True),
        (("internal",), False),
        (("10.1.0.0/16",), True),
        (("10.1.2.3",), True),
        (("10.2.0.0/16", "::/0"), False),
    ],
)
def test_an_installation_allows_hosts_and_networks_of_its_own(
    allow: tuple[str, ...], reached: bool, monkeypatch: Any
) -> None:
    answers(monkeypatch, ["10.1.2.3"])
    if reached:
        assert Egress(allow).addresses_of("db.internal", 5432) == ["10.1.2.3"]
    else:
        with pytest.raises(SourceError, match="KPI_EGRESS_ALLOW"):
            Egress(allow).addresses_of("db.internal", 5432)
