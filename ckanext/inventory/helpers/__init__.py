"""Template functions: how the inventory reads on a page, by what they are about.

All are pure but those of :mod:`~ckanext.inventory.helpers.reader`, which asks an action once per
request.
"""

from __future__ import annotations

from ckanext.inventory.helpers.acts import (
    inventory_event_words,
    inventory_notice_link,
    inventory_notice_words,
    inventory_topic_label,
)
from ckanext.inventory.helpers.addresses import inventory_entry_url, inventory_once, inventory_url
from ckanext.inventory.helpers.dates import (
    inventory_ago,
    inventory_date,
    inventory_day,
    inventory_days_since,
    inventory_minutes,
    inventory_number_word,
    inventory_waiting,
)
from ckanext.inventory.helpers.differences import inventory_diff
from ckanext.inventory.helpers.lists import (
    inventory_bars,
    inventory_blocker_icon,
    inventory_blocker_kinds,
    inventory_blocker_label,
    inventory_choice_label,
    inventory_choices,
    inventory_facet_label,
    inventory_heat,
    inventory_list,
    inventory_list_label,
    inventory_prompts,
    inventory_schema,
    inventory_state_label,
    inventory_states,
    inventory_value_label,
)
from ckanext.inventory.helpers.reader import (
    inventory_may_enter,
    inventory_me,
    inventory_role_labels,
    inventory_unread,
    inventory_waits_words,
    inventory_who,
)
from ckanext.inventory.helpers.values import (
    inventory_license,
    inventory_limits,
    inventory_prose,
    inventory_shown,
)

__all__ = [
    "inventory_ago",
    "inventory_bars",
    "inventory_blocker_icon",
    "inventory_blocker_kinds",
    "inventory_blocker_label",
    "inventory_choice_label",
    "inventory_choices",
    "inventory_date",
    "inventory_day",
    "inventory_days_since",
    "inventory_diff",
    "inventory_entry_url",
    "inventory_event_words",
    "inventory_facet_label",
    "inventory_heat",
    "inventory_license",
    "inventory_limits",
    "inventory_list",
    "inventory_list_label",
    "inventory_may_enter",
    "inventory_me",
    "inventory_minutes",
    "inventory_notice_link",
    "inventory_notice_words",
    "inventory_number_word",
    "inventory_once",
    "inventory_prompts",
    "inventory_prose",
    "inventory_role_labels",
    "inventory_schema",
    "inventory_shown",
    "inventory_state_label",
    "inventory_states",
    "inventory_topic_label",
    "inventory_unread",
    "inventory_url",
    "inventory_value_label",
    "inventory_waiting",
    "inventory_waits_words",
    "inventory_who",
]
