"""The guards of the plugin harvest, switched off in turn; the others stand a folder above."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from ckan import logic

from ckanext.inventory import guards
from tests.leaks.city import City
from tests.leaks.mutations import HARVEST_ACTIONS, unlike, without
from tests.leaks.probes import call

pytestmark = pytest.mark.long

Harvested = dict[str, str]
Probe = Callable[[City, Harvested], bool]


def words(action: str, **data: str) -> Probe:
    """Something harvested shows to a visitor; ``{became}`` stands for the object."""

    def probe(city: City, harvested: Harvested) -> bool:
        filled = {key: value.format(**harvested) for key, value in data.items()}
        return bool(city.words.found(call(city, "anonymous", action, filled).text))

    return probe


def listed(city: City, harvested: Harvested) -> bool:
    return harvested["became"] in call(city, "nobody", "harvest_object_list", {}).text


def differs(action: str) -> Probe:
    """An entry's id and one of nothing answer differently."""
    probe = unlike("nobody", action, id="{0}")
    return lambda city, harvested: probe(city)


PROBES: dict[str, Probe] = {
    "harvest_object_list": listed,
    "harvest_object_show": words("harvest_object_show", id="{became}"),
    "harvest_source_list": words("harvest_source_list"),
    "harvest_source_show_status": differs("harvest_source_show_status"),
}


@pytest.fixture
def _forget_caches() -> Iterator[None]:
    yield
    logic.clear_actions_cache()


def test_every_guard_of_the_plugin_has_a_probe() -> None:
    assert set(PROBES) == HARVEST_ACTIONS


@pytest.mark.usefixtures("_forget_caches")
@pytest.mark.parametrize("action", PROBES)
def test_without_the_guard_of_an_action_its_probe_notices(
    whole_city: City, harvested: Harvested, action: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not PROBES[action](whole_city, harvested)
    monkeypatch.setattr(guards, "actions", without(guards.actions, action))
    logic.clear_actions_cache()
    assert PROBES[action](whole_city, harvested)
