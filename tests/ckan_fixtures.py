"""Fixtures that need CKAN: registered by ``conftest.py`` where CKAN's pytest plugin is loaded."""

from __future__ import annotations
