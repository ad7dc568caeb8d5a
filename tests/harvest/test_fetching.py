"""What a harvest may read, and what it may not: addresses of the internet, of bearable size.

Source: leak contract, outgoing requests; a web server of our own answers here.
"""

from __future__ import annotations

import socket
from dataclasses import replace
from typing import Any

import pytest

from ckanext.inventory.harvesters import fetching
from ckanext.inventory.harvesters.fetching import Limits
from ckanext.inventory.harvesters.problems import CatalogueError
from tests.harvest.conftest import Catalogue


@pytest.fixture
def limits(catalogue: Catalogue) -> Limits:
    return Limits(silence=5, allowed_hosts=frozenset({f"127.0.0.1:{catalogue.port}"}))


def refused(url: str, limits: Limits) -> str:
    with pytest.raises(CatalogueError) as caught:
        fetching.get(url, limits)
    return str(caught.value)


def test_the_body_of_a_good_answer(catalogue: Catalogue, limits: Limits) -> None:
    assert fetching.get(catalogue.put("/b.json", "hello"), limits) == b"hello"


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/data.json",
        "http://localhost/data.json",
        "http://0.0.0.0/data.json",
        "http://10.1.2.3/data.json",
        "http://192.168.0.1/data.json",
        "http://169.254.169.254/latest/meta-data",
        "http://[::1]/data.json",
        "http://[::ffff:127.0.0.1]/data.json",
        "http://[64:ff9b::7f00:1]/data.json",
        "http://2130706433/data.json",
        "http://0x7f.1/data.json",
    ],
)
def test_an_address_inside_a_network_is_not_read(url: str) -> None:
    assert "is an address inside a network" in refused(url, Limits(silence=1))


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1::1", True),
        ("127.0.0.1", False),
        ("100.64.0.1", False),
        ("172.16.0.1", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:10.0.0.1", False),
        ("2002:0a00:0001::1", False),
        ("64:ff9b::a00:1", False),
    ],
)
def test_which_addresses_are_public(address: str, public: bool) -> None:
    assert fetching.is_public(address) is public


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://data.example/x",
        "gopher://data.example/x",
        "data.json",
        "http://",
        "http://data.example:99999999/",
        "http://data.example/a b",
        "http://data.example/\r\nHost: other",
    ],
)
def test_other_addresses_are_no_addresses(url: str) -> None:
    assert "is no address that can be read" in refused(url, Limits())


def test_an_address_holds_no_password(limits: Limits) -> None:
    said = refused("https://me:secret@data.example/data.json", limits)
    assert said == "An address may not hold a name or a password."


def test_a_redirect_is_followed(catalogue: Catalogue, limits: Limits) -> None:
    catalogue.put("/new.json", "here")
    url = catalogue.put("/old.json", "", status=302, headers={"Location": "/new.json"})
    assert fetching.get(url, limits) == b"here"


@pytest.mark.parametrize(
    "target", ["http://localhost:{port}/x", "http://[::1]/x", "http://169.254.169.254/x"]
)
def test_a_redirect_into_the_network_is_not_followed(
    catalogue: Catalogue, limits: Limits, target: str
) -> None:
    url = catalogue.put(
        "/", "", status=301, headers={"Location": target.format(port=catalogue.port)}
    )
    assert "is an address inside a network" in refused(url, limits)
    assert catalogue.asked == ["/"]


def test_a_redirect_to_a_file_is_not_followed(catalogue: Catalogue, limits: Limits) -> None:
    url = catalogue.put("/", "", status=301, headers={"Location": "file:///etc/passwd"})
    assert "is no address that can be read" in refused(url, limits)


def test_a_circle_of_redirects_ends(catalogue: Catalogue, limits: Limits) -> None:
    url = catalogue.put("/", "", status=302, headers={"Location": "/"})
    assert "from one address to the next" in refused(url, limits)
    assert len(catalogue.asked) == limits.redirects + 1


def test_the_connection_goes_to_the_address_that_was_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A name that answers otherwise the second time leads nowhere else."""
    answers = iter(["93.184.216.34", "127.0.0.1"])
    went: list[str] = []

    def look_up(host: str, port: int, **kwargs: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

    def connect(address: tuple[str, int], *args: Any, **kwargs: Any) -> socket.socket:
        went.append(address[0])
        raise OSError("no network here")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(socket, "create_connection", connect)
    assert "can't be read" in refused("http://rebinding.example/data.json", Limits())
    assert went == ["93.184.216.34"]


def test_a_name_with_one_private_address_is_private(monkeypatch: pytest.MonkeyPatch) -> None:
    def look_up(host: str, port: int, **kwargs: Any) -> list[Any]:
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in ("93.184.216.34", "10.0.0.1")
        ]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    assert "inside a network" in refused("https://both.example/data.json", Limits())


def test_a_big_answer_is_not_read_to_the_end(catalogue: Catalogue, limits: Limits) -> None:
    url = catalogue.put("/", b"x" * 3_000_001)
    assert "is bigger than 3 MB" in refused(url, replace(limits, max_bytes=3_000_000))


def test_a_slow_answer_ends(catalogue: Catalogue, limits: Limits) -> None:
    url = catalogue.put("/", "{}")
    assert "takes too long" in refused(url, replace(limits, seconds=-1))


def test_a_broken_answer_is_no_answer(catalogue: Catalogue, limits: Limits) -> None:
    url = catalogue.put("/", "{}", headers={"Content-Length": "1000", "Connection": "close"})
    assert "breaks off" in refused(url, limits)


@pytest.mark.parametrize("status", [204, 304, 401, 404, 500])
def test_any_other_answer_is_refused(catalogue: Catalogue, limits: Limits, status: int) -> None:
    url = catalogue.put("/", "", status=status)
    assert f"answers {status}" in refused(url, limits)


def test_a_compressed_answer_is_refused(catalogue: Catalogue, limits: Limits) -> None:
    url = catalogue.put("/", b"\x1f\x8b", headers={"Content-Encoding": "gzip"})
    assert "compressed" in refused(url, limits)


def test_nobody_answers(limits: Limits) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    allowed = replace(limits, allowed_hosts=frozenset({"127.0.0.1"}))
    assert "can't be read" in refused(f"http://127.0.0.1:{port}/data.json", allowed)
    assert "There is no host" in refused("http://nowhere.invalid/data.json", limits)
