"""Which addresses may be connected to."""

import socket
from ipaddress import ip_address, ip_network

import pytest

from streams.errors import ForbiddenAddressError, UnreachableError
from streams.http.reach import Reach, is_public

INSIDE = (
    "10.1.2.3",
    "172.16.0.1",
    "192.168.0.1",
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",  # noqa: S104 - is refused
    "169.254.169.254",
    "100.64.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fe80::1",
    "fe80::1%lo",
    "fc00::1",
    "fd00:ec2::254",
    "ff02::1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::a00:1",
    "2002:a00:1::1",
)
OUTSIDE = ("8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808")


@pytest.mark.parametrize("text", INSIDE)
def test_what_is_not_public_is_refused_however_it_is_written(text: str) -> None:
    """Mapped, translated and tunnelled addresses are those that they stand for."""
    with pytest.raises(ForbiddenAddressError, match=r"outbound\.networks"):
        Reach().addresses(text, 80)


@pytest.mark.parametrize("text", OUTSIDE)
def test_what_is_public_is_not(text: str) -> None:
    assert [text] == Reach().addresses(text, 80)


@pytest.mark.parametrize("host", ["localhost", "2130706433", "0x7f.1", "127.1", "0"])
def test_a_name_is_judged_by_where_it_leads(host: str) -> None:
    """The old ways to write this machine's address are names too."""
    with pytest.raises(ForbiddenAddressError, match=f"`{host}` leads to "):
        Reach().addresses(host, 80)


def test_a_network_of_the_configuration_may_be_reached() -> None:
    """And no other."""
    reach = Reach((), (ip_network("127.0.0.0/8"), ip_network("10.1.0.0/16")))

    assert ["127.0.0.1"] == reach.addresses("127.0.0.1", 80)
    assert reach.allows(ip_address("10.1.9.9"))
    assert not reach.allows(ip_address("10.2.0.1"))
    assert not reach.allows(ip_address("169.254.169.254"))
    assert not reach.allows(ip_address("::1"))


def test_of_several_addresses_only_the_allowed_ones_are_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In the order of the resolver, each once."""
    found = ["10.0.0.1", "8.8.8.8", "127.0.0.1", "8.8.8.8", "1.1.1.1"]
    answers = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (text, 80)) for text in found]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answers)

    assert ["8.8.8.8", "1.1.1.1"] == Reach().addresses("mixed.example", 80)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("hooks.example.com", True),
        ("HOOKS.example.COM.", True),
        ("am.svc", True),
        ("example.com", False),
        ("hooks.example.com.evil.net", False),
        ("evil.net", False),
    ],
)
def test_only_hosts_on_the_list_are_asked_for(host: str, expected: bool) -> None:
    reach = Reach(("*.example.com", "AM.svc"))

    assert expected == reach.names(host)
    if not expected:
        with pytest.raises(ForbiddenAddressError, match=r"outbound\.hosts"):
            reach.addresses(host, 80)


@pytest.mark.parametrize("host", ["a" * 64 + ".example", "a..b", ""])
def test_a_name_that_leads_nowhere_is_said_to(host: str) -> None:
    """In one kind of error, whatever the resolver says."""
    with pytest.raises(UnreachableError):
        Reach().addresses(host, 80)


def test_the_words_of_public() -> None:
    assert [True, False] == [is_public(ip_address(text)) for text in ("8.8.8.8", "10.0.0.1")]
