"""What tests of pages share."""

from __future__ import annotations

import pytest
from ckan.tests.helpers import CKANTestApp

from tests.logic.city import City, make_city
from tests.views.pages import Pages


@pytest.fixture
def city(db: None) -> City:
    return make_city()


@pytest.fixture
def pages(city: City, app: CKANTestApp) -> Pages:
    return Pages(city, app, "coordinator")
