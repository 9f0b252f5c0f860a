"""What a host's name says of the way to it."""

from __future__ import annotations

from ipaddress import ip_address

from erario.chain.access import Access
from erario.chain.errors import ChainCode
from erario.chain.source_url import SourceUrl
from erario.errors import RequestError


def is_this_machine(host: str) -> bool:
    """Whether what is sent to `host` never leaves this machine."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def is_onion(host: str) -> bool:
    """Whether it is a service within Tor, which encrypts the way from end to end (RFC 7686)."""
    return host.lower().rstrip(".").endswith(".onion")


def check_way(url: SourceUrl, access: Access) -> None:
    """Refuse an onion address without a proxy: its look-up would tell the name server who is asked.

    Raises:
        RequestError: it is one.
    """
    if access.proxy is None and is_onion(url.host):
        raise RequestError(
            ChainCode.ACCESS_BAD,
            f"{url.authority} can be reached by Tor only",
            remedy="Name Tor's proxy, as socks5h://127.0.0.1:9050.",
        )
