"""Ports of our own on the loopback interface."""

from __future__ import annotations

import contextlib
import socket

from devstack.problem import Problem

HOST = "127.0.0.1"


def free(port: int) -> bool:
    """Tell whether nobody listens on a port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def choose(count: int) -> list[int]:
    """Return ports that the system says are free, all different."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind((HOST, 0))
        return [probe.getsockname()[1] for probe in probes]


def for_people(asked: int | None, usual: int) -> tuple[int, str | None]:
    """Return the port of the site.

    :param asked: the port that was asked for by name, which is taken or refused
    :param usual: the port that is tried otherwise
    :returns: the port, and a remark when it is not the usual one
    :raises Problem: if the asked port is taken or no port at all
    """
    if asked is None:
        if free(usual):
            return usual, None
        port = choose(1)[0]
        return port, f"Port {usual} is taken, so the site is on {port}; --port sets another."
    if not 1024 <= asked <= 65535:
        raise Problem(f"{asked} is not a port for this.", "Choose one from 1024 to 65535.")
    if not free(asked):
        raise Problem(f"Port {asked} is taken.", "Choose another with --port, or leave --port out.")
    return asked, None
