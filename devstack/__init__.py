"""Local services for the demo, the tests and the benchmarks; not part of the installed package.

``bin/demo``, ``bin/test`` and ``bin/lint`` start here. What runs before the project's own environment
exists uses the standard library alone: everything but ``services`` and what imports it.
"""
