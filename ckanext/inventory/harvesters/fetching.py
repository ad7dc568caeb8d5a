"""Reading an address of the internet without reading one of our own network.

A harvest source names an address, and a redirect another one. The address is looked up once, every
address behind it has to be public, and the connection goes to what was checked, not to what a second
look-up might say.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import time
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import SplitResult, urljoin, urlsplit

from ckanext.inventory.harvesters.problems import CatalogueError, shorten

CHUNK = 65_536
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_TRANSLATING = ipaddress.ip_network("64:ff9b::/96")
"""IPv6 addresses that stand for any IPv4 address, private ones included."""


@dataclass(frozen=True)
class Limits:
    """How much trouble an address may make.

    :param max_bytes: the answer's size
    :param seconds: for the whole of an answer
    :param silence: seconds without a byte
    :param redirects: how often it may point elsewhere
    :param allowed_hosts: hosts that may be private, as ``name`` or ``name:port``
    """

    max_bytes: int = 50_000_000
    seconds: float = 300
    silence: float = 30
    redirects: int = 3
    allowed_hosts: frozenset[str] = frozenset()


def get(url: str, limits: Limits) -> bytes:
    """Read an address.

    :param url: http or https
    :param limits: what it may cost
    :returns: the body of the answer
    :raises CatalogueError: for an address that may not be asked, and for any answer but a good one
    """
    deadline = time.monotonic() + limits.seconds
    for _attempt in range(limits.redirects + 1):
        answer = _ask(url, limits, deadline)
        if isinstance(answer, bytes):
            return answer
        if urlsplit(url).scheme == "https" and urlsplit(answer).scheme == "http":
            raise CatalogueError("{url} sends to an address without encryption.", url=shorten(url))
        url = answer
    raise CatalogueError("{url} sends from one address to the next.", url=shorten(url))


def _ask(url: str, limits: Limits, deadline: float) -> bytes | str:
    """Return the body, or the address that the answer points to."""
    parts = _checked(url)
    host, port = str(parts.hostname), parts.port or (443 if parts.scheme == "https" else 80)
    address = _address(url, host, port, limits.allowed_hosts)
    connection = _connection(parts.scheme, host, port, address, limits.silence)
    path = parts.path or "/"
    try:
        connection.request(
            "GET",
            f"{path}?{parts.query}" if parts.query else path,
            headers={
                "Accept": "application/json",
                "Accept-Encoding": "identity",
                "User-Agent": "ckanext-inventory",
            },
        )
        response = connection.getresponse()
        if response.status in _REDIRECTS:
            return urljoin(url, response.headers.get("Location") or "")
        if response.status != http.client.OK:
            raise CatalogueError(
                "{url} answers {status}.", url=shorten(url), status=response.status
            )
        return _body(url, response, limits, deadline)
    except (OSError, http.client.HTTPException, UnicodeError) as error:
        raise CatalogueError(
            "{url} can't be read: {problem}.",
            url=shorten(url),
            problem=shorten(str(error) or type(error).__name__),
        ) from error
    finally:
        connection.close()


def _checked(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
        parts = SplitResult("", "", "", "", "")
    if not usable or any(ord(character) <= 32 or ord(character) > 126 for character in url):
        raise CatalogueError(
            "“{url}” is no address that can be read: it has to begin with https:// or http://.",
            url=shorten(url),
        )
    if parts.username or parts.password:
        raise CatalogueError("An address may not hold a name or a password.")
    return parts


def _address(url: str, host: str, port: int, allowed: Collection[str]) -> str:
    """Look a host up once, and return an address that may be asked."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise CatalogueError("There is no host {host}.", host=shorten(host)) from error
    addresses = [str(entry[4][0]) for entry in found]
    if {host.lower(), f"{host.lower()}:{port}"} & set(allowed):
        return addresses[0]
    if not all(is_public(address) for address in addresses):
        raise CatalogueError(
            "{url} is an address inside a network, and these are not read. If it is meant, an "
            "administrator adds the host to ckanext.inventory.harvest.allowed_hosts.",
            url=shorten(url),
        )
    return addresses[0]


def is_public(address: str) -> bool:
    """Tell whether an address is one of the internet.

    :param address: an IPv4 or IPv6 address
    :returns: False for private, local and reserved ones, however they are written
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in _TRANSLATING:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            ip = inner
    return ip.is_global and not ip.is_multicast


class _Plain(http.client.HTTPConnection):
    """A connection to an address that was checked, under the host's name."""

    address = ""

    def connect(self) -> None:
        self.sock = socket.create_connection((self.address, self.port), self.timeout)


class _Encrypted(http.client.HTTPSConnection):
    """The same, encrypted; the certificate is the host's."""

    address = ""
    trust: ssl.SSLContext

    def connect(self) -> None:
        plain = socket.create_connection((self.address, self.port), self.timeout)
        self.sock = self.trust.wrap_socket(plain, server_hostname=self.host)


def _connection(
    scheme: str, host: str, port: int, address: str, silence: float
) -> http.client.HTTPConnection:
    if scheme == "https":
        encrypted = _Encrypted(host, port, timeout=silence)
        encrypted.address, encrypted.trust = address, ssl.create_default_context()
        return encrypted
    plain = _Plain(host, port, timeout=silence)
    plain.address = address
    return plain


def _body(url: str, response: http.client.HTTPResponse, limits: Limits, deadline: float) -> bytes:
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise CatalogueError("{url} sends a compressed answer.", url=shorten(url))
    found = bytearray()
    while chunk := response.read1(CHUNK):
        found += chunk
        if len(found) > limits.max_bytes:
            raise CatalogueError(
                "{url} is bigger than {limit} MB.",
                url=shorten(url),
                limit=limits.max_bytes // 1_000_000,
            )
        if time.monotonic() > deadline:
            raise CatalogueError("{url} takes too long to read.", url=shorten(url))
    if response.length:
        raise CatalogueError("{url} breaks off in the middle.", url=shorten(url))
    return bytes(found)
