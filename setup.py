"""What CKAN's message tooling is started through (see setup.cfg); all else is in pyproject.toml."""

from setuptools import setup

setup()
