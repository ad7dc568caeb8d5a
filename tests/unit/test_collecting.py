"""The collector is spared what was there before, for as long as many rows are worked on."""

from __future__ import annotations

import gc
import weakref

import pytest

from ckanext.inventory.logic.collecting import new_objects_only


class Ring:
    def __init__(self) -> None:
        self.me = self


def test_what_was_there_is_left_alone_meanwhile() -> None:
    assert gc.get_freeze_count() == 0
    with new_objects_only():
        assert gc.get_freeze_count() > 0
        ring = weakref.ref(Ring())
        gc.collect()
        assert ring() is None, "what is made meanwhile is collected"
    assert gc.get_freeze_count() == 0


def test_all_is_looked_through_again_after_an_error() -> None:
    with pytest.raises(ValueError, match="no"), new_objects_only():
        raise ValueError("no")
    assert gc.get_freeze_count() == 0


def test_one_within_another_changes_nothing() -> None:
    with new_objects_only():
        with new_objects_only():
            pass
        assert gc.get_freeze_count() > 0


def test_garbage_of_before_is_collected_afterwards() -> None:
    gc.collect()
    ring = weakref.ref(Ring())
    with new_objects_only():
        gc.collect()
    gc.collect()
    assert ring() is None
