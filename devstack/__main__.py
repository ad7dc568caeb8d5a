"""``python -m devstack demo|test|lint|bench``: what the scripts in ``bin`` call."""

from __future__ import annotations

import fcntl
import signal
import sys
from types import FrameType

from devstack import arguments, environment, ports, system
from devstack.layout import Layout
from devstack.problem import Problem
from devstack.steps import say


def main(argv: list[str]) -> int:
    """Run one command.

    :param argv: the command's name and its arguments
    :returns: the exit status
    """
    command, rest = argv[0], argv[1:]
    for signum in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, _leave)
    # A shell starts background commands with SIGINT ignored; a script has to be able to stop us with it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return _run(command, rest)
    except Problem as problem:
        print(f"\nbin/{command}: {problem.what}\n{problem.remedy}", file=sys.stderr, flush=True)
        return 1
    except KeyboardInterrupt:
        return 130


def _run(command: str, rest: list[str]) -> int:
    layout = Layout()
    if command == "demo":
        parser = arguments.demo()
        options = parser.parse_args(rest)
        arguments.check_demo(parser, options)
        if options.port:
            ports.for_people(options.port, options.port)
        _prepare(layout, [command, *rest], services=True, browser=False)
        from devstack.demo import run_demo

        return run_demo(layout, options)
    if command == "test":
        options, pytest_arguments = arguments.tests().parse_known_args(rest)
        _prepare(layout, [command, *rest], services=not options.fast, browser=not options.fast)
        if options.fast:
            from devstack.checks import run_fast_tests

            return run_fast_tests(layout, pytest_arguments)
        from devstack.guests import run_tests

        workers = arguments.workers(options, pytest_arguments)
        return run_tests(layout, pytest_arguments, workers)
    if command == "bench":
        from bench.__main__ import parser as bench_parser

        bench_parser().parse_args(rest)
        _prepare(layout, [command, *rest], services=True, browser=False)
        from devstack.guests import run_bench

        return run_bench(layout, rest)
    arguments.lint().parse_args(rest)
    _prepare(layout, [command, *rest], services=False, browser=False)
    from devstack.checks import run_lint

    return run_lint(layout)


def _prepare(layout: Layout, argv: list[str], *, services: bool, browser: bool) -> None:
    """Have everything installed and go on in the project's environment."""
    if environment.entered(layout):
        return
    machine = system.Machine()
    system.check_python(machine)
    layout.make()
    with (layout.work / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Waiting for another command of this checkout that is installing ...")
            fcntl.flock(lock, fcntl.LOCK_EX)
        environment.prepare(layout, machine, services=services, browser=browser)
    environment.enter(layout, argv)


def _leave(signum: int, frame: FrameType | None) -> None:
    """Leave all with-blocks, so that everything is stopped; a second signal does not interrupt that."""
    for each in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(each, signal.SIG_IGN)
    raise SystemExit(128 + signum)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
