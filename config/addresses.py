"""Which address a request comes from: what limits count, and what a list of sessions shows."""

import ipaddress
from typing import Final

from django.conf import settings
from django.http import HttpRequest
from django.http.request import split_domain_port

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Whoever has one IPv6 address has a network of that size.
NETWORK_BITS: Final = 64


def address_of(request: HttpRequest) -> Address | None:
    """Return the caller's address; None where the server was not told the peer's.

    Of X-Forwarded-For it believes what the outermost of TRUSTED_PROXIES wrote, and nothing where
    fewer have written or that is no address: then all who come by that peer are one.
    """
    proxies: int = settings.TRUSTED_PROXIES
    said = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    if 0 < proxies <= len(said) and (address := _parsed(said[-proxies])):
        return address
    return _parsed(request.META.get("REMOTE_ADDR", ""))


def network_of(request: HttpRequest) -> str:
    """Return what is counted as one caller: an IPv4 address, or the /64 of an IPv6 one."""
    address = address_of(request)
    if isinstance(address, ipaddress.IPv6Address):
        return str(
            ipaddress.IPv6Network((int(address) >> NETWORK_BITS << NETWORK_BITS, NETWORK_BITS))
        )
    return str(address)


def _parsed(text: str) -> Address | None:
    text = text.strip()
    # Some proxies add the port.
    domain, _ = split_domain_port(text)
    for each in (text, domain.strip("[]")):
        try:
            address = ipaddress.ip_address(each.partition("%")[0])
        except ValueError:
            continue
        # Where the server listens on IPv6 for both, all of IPv4 would be one network.
        return getattr(address, "ipv4_mapped", None) or address
    return None
