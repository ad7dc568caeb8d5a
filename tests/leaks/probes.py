"""How the sweep asks: every action and every route, with everything that could be guessed."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from unittest import mock

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import authz, logic, model

from tests.leaks.city import NOT_KEPT, OPEN_FILES, PARTS, SAVED_FILES, City, Ref
from tests.leaks.sentinels import Sentinel, flat

ALIASES = ("name_or_id", "package_id", "object_id", "entity_id", "dataset_id", "name", "ref")
"""Other names under which actions take the id of something."""

NOT_CALLED = {
    "harvest_source_reindex": "writes, though it is marked as free of side effects",
    "harvest_sources_reindex": "writes, though it is marked as free of side effects",
    "file_owner_scan": "walks the folders of the server",
}
"""Reading actions that the sweep leaves out, and why."""

NEVER_SUCCEED = {
    "activity_diff": "no dataset here was changed after it was made",
    "datastore_info": "no resource is in the data store",
    "datastore_search": "no resource is in the data store; see the test of L29",
    "file_show": "no file is kept: uploads of an import are read and dropped",
    "harvest_job_report": "nothing is harvested here; see the tests of L28",
    "harvest_job_show": "nothing is harvested here; see the tests of L28",
    "harvest_object_show": "nothing is harvested here; see the tests of L28",
    "harvest_source_show_status": "nothing is harvested here; see the tests of L28",
    "inventory_notice_preview": "renders a mail, which needs a page; for CDOs only",
    "job_show": "no job is queued",
    "package_collaborator_list": "collaborators are off, or the plugin doesn't start",
    "package_collaborator_list_for_user": "collaborators are off, or the plugin doesn't start",
    "resource_view_show": "no resource has a view",
    "task_status_show": "no task status is kept (L33)",
    "vocabulary_show": "there is no vocabulary of tags",
}
"""Reading actions that have nothing to show in this city, and why."""

UNKNOWN_NAME = "inventory-0123456789abcdef01234567"


def reading_actions() -> dict[str, Callable[..., Any]]:
    """Every action that is free of side effects, by name."""
    tk.get_action("status_show")
    return {
        name: function
        for name, function in sorted(logic._actions.items())
        if getattr(function, "side_effect_free", False) and name not in NOT_CALLED
    }


def like(value: str) -> str:
    """Something of the same shape that doesn't exist."""
    if re.fullmatch(r"[0-9a-f-]{36}", value):
        return str(uuid.uuid4())
    if value.startswith("inventory-"):
        return UNKNOWN_NAME
    return re.sub(r"\d+$", lambda digits: "9" * len(digits[0]), value)


@dataclass(frozen=True)
class Answer:
    """What an action or a page answered.

    :param ok: it succeeded
    :param kind: name of the error, or status of the page
    :param text: everything in it
    """

    ok: bool
    kind: str
    text: str

    def without(self, sent: str) -> tuple[str, str]:
        """The answer with what was sent replaced, to compare it with another."""
        return self.kind, re.sub(re.escape(sent), "<sent>", self.text, flags=re.IGNORECASE)


def call(city: City, person: str, action: str, data: dict[str, Any]) -> Answer:
    """Call an action as somebody, with authorisation, and undo whatever it did."""
    try:
        context = city.context(person)
        # A request knows its account, and core takes it from there instead of loading it three more
        # times for a call (a quarter of the sweep).
        with mock.patch.object(authz, "current_user", context["auth_user_obj"]):
            answer = tk.get_action(action)(context, dict(data))
            # Answers may be lazy: core's cached packages are JSON until they are looked at.
            return Answer(True, "ok", flat(answer))
    except Exception as error:  # noqa: BLE001 - whatever goes wrong is the answer
        told = flat(getattr(error, "error_dict", None) or "")
        return Answer(False, type(error).__name__, f"{error} {told}")
    finally:
        model.Session.rollback()


def hits(city: City, person: str, answer: Answer, sent: object) -> set[Sentinel]:
    """The words in an answer that this person may not see, but for what was sent."""
    found = city.words.found(answer.text)
    if not found:
        return found
    asked = city.words.found(flat(sent))
    return {each for each in found - asked if not may_see(person, each)}


def may_see(person: str, sentinel: Sentinel) -> bool:
    """Whether a word is no leak for this person: the table of expectations."""
    if sentinel.owner == "published" and sentinel.public:
        return True
    if sentinel.owner == "preparing" and sentinel.public:
        # Core's gaps for private datasets: tags and formats for everybody, the rest for members.
        return sentinel.place == "keywords" or person in (
            "a_member",
            "a_editor",
            "a_admin",
            "parent_admin",
            "assignee",
            *READERS,
        )
    if sentinel.owner in FILES:
        return person in FILES[sentinel.owner]
    if person in ("viewer",):
        # What names a restricted record names it by an id that leads nowhere (exceptions.OPEN).
        return sentinel.owner not in RESTRICTED or sentinel.place == "id"
    if person == "assignee":
        # What links an entry names its source; nothing else of the source comes with it.
        linked = sentinel.owner == "source" and sentinel.place in ("id", "number", "title")
        series = sentinel.owner == "draft" and sentinel.place == "id"
        return sentinel.owner == "assigned" or linked or series
    return person in READERS


ALONE = ("coordinator",)
"""Who knows of a file that isn't saved: who brought it."""

TEAM = ("coordinator", "coordinator_editor", "coordinator_member", "cdo", "sysadmin")
"""Who knows of saved files and of parts."""

FILES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(OPEN_FILES, ALONE),
    **dict.fromkeys((*SAVED_FILES, *PARTS), TEAM),
    NOT_KEPT: (),
}
"""Who may see the words of files that were brought, and of parts."""

RESTRICTED = ("restricted", "restricted source")
"""Records for the department and the deciders only."""

NOT_IN_DIRECTORY = (*RESTRICTED, "bound", "core draft", "deleted", "purged", "retired")
"""Records that the city directory knows nothing of."""


def told_by_directory(person: str, action: str, sentinel: Sentinel) -> bool:
    """Whether the city directory tells a word, to people of other departments with a role."""
    if action != "inventory_directory" or person != "b_coordinator":
        return False
    if sentinel.owner == "source":
        return sentinel.place == "title"
    listed = sentinel.owner not in NOT_IN_DIRECTORY
    return listed and sentinel.place in ("number", "title", "notes", "steward", "steward_email")


READERS = (
    "coordinator",
    "coordinator_editor",
    "coordinator_member",
    "cdo",
    "reviewer",
    "viewer",
    "sysadmin",
)


def references(ref: Ref) -> Iterator[str]:
    """Everything that a record is called."""
    yield from (ref.id, ref.name, ref.number)


def variants(city: City, keys: Iterable[str], words: Iterable[str]) -> Iterator[dict[str, Any]]:
    """What is sent to every action."""
    yield {}
    for key in keys:
        ref = city.records[key]
        asked = references(ref) if key in WHOLLY else [ref.id]
        yield from ({"id": reference} for reference in asked)
        yield dict.fromkeys(ALIASES, ref.id)
    for group in (city.a, city.b, city.group):
        yield {
            "id": group.id,
            "include_datasets": True,
            "include_dataset_count": True,
            "include_users": True,
            "object_type": "package",
        }
        yield {"id": group.name, "all_fields": True, "include_extras": True}
    for person in ("coordinator", "cdo"):
        named = city.people[person]
        assert named is not None
        yield {
            "id": named.name,
            "include_datasets": True,
            "include_num_followers": True,
            "user_id": named.id,
        }
    for word in words:
        yield {"q": word, "query": word, "limit": 100, "rows": 100}
        yield {"fq": f"title:{word}", "q": "*:*", "include_private": True, "include_drafts": True}
        yield {"query": f"name:{word}", "search": word, "pattern": word}


WHOLLY = ("draft", "unassigned")
"""Records that are asked for by name and number as well."""


def few(city: City) -> Iterator[dict[str, Any]]:
    """What everybody tries: one hidden record, the organization, one word."""
    ref = city.records["unassigned"]
    yield {}
    yield {"id": ref.id}
    yield {"id": ref.name}
    yield dict.fromkeys(ALIASES, ref.id)
    yield {"id": city.a.id, "include_datasets": True, "object_type": "package"}
    yield {"q": "words", "query": "words", "limit": 100, "include_private": True}


def special(city: City) -> dict[str, list[dict[str, Any]]]:
    """Arguments that single actions need."""
    draft = city.records["draft"]
    searches: list[dict[str, Any]] = [
        {"fq": fq, "include_private": True, "include_drafts": True, "include_deleted": True}
        | {"rows": 1000, "facet.field": ["organization", "name", "title_string", "vocab_keywords"]}
        for fq in (
            "dataset_type:inventory_entry",
            "dataset_type:inventory_source",
            "dataset_type:*",
            "capacity:private",
            f"permission_labels:inventory-org-{city.a.id}",
            "+state:(active OR draft OR deleted)",
        )
    ]
    published = model.Package.get(city.records["published"].dataset)
    resource = published.resources[0].id if published is not None else ""
    keyword = next(each.token for each in city.words.of("published") if each.place == "keywords")
    acted = model.Session.scalars(
        sa.text("SELECT id FROM activity ORDER BY timestamp DESC LIMIT 3")
    ).all()
    activity = acted[0] if acted else ""
    return {
        "activity_data_show": [{"id": each} for each in acted],
        "activity_show": [{"id": each, "include_data": True} for each in acted],
        "activity_diff": [{"id": activity, "object_type": "package"}],
        "api_token_list": [{"user_id": "person-cdo"}],
        "inventory_diff": [{"id": draft.number, "old": 1, "new": 1}],
        "inventory_revision_show": [{"id": draft.number, "revision": 1}],
        "inventory_source_show": [{"id": city.records["source"].number}],
        "resource_show": [{"id": resource}],
        "resource_view_list": [{"id": resource}],
        "tag_show": [{"id": keyword, "include_datasets": True}],
        "term_translation_show": [{"terms": ["words"]}],
        "package_search": searches,
        "package_autocomplete": [{"q": q} for q in ("in", "inventory", "-", "zqx", "words")],
        "member_list": [
            {"id": city.a.id},
            {"id": city.a.id, "object_type": "package"},
            {"id": city.a.name, "object_type": "package", "capacity": "organization"},
            {"id": city.a.id, "object_type": "PACKAGE"},
        ],
        "organization_list": [
            {"all_fields": True, "include_dataset_count": True, "sort": sort}
            for sort in ("name asc", "package_count desc")
        ],
        "organization_show": [{"id": city.a.id, "include_datasets": True}],
        "package_list": [{}, {"limit": 1000}],
        "current_package_list_with_resources": [{"limit": 1000}],
        "resource_search": [{"query": "name:zqx"}, {"query": "format:zqx"}],
        "tag_list": [{"all_fields": True}, {"query": "zqx"}],
        "tag_search": [{"query": "zqx"}],
        "tag_autocomplete": [{"query": "zqx"}],
        "format_autocomplete": [{"q": "zqx"}, {"q": ""}],
        "task_status_show": [
            {"entity_id": draft.id, "task_type": kind, "key": key}
            for kind, key in (("harvest", "harvest"), ("datapusher", "datapusher"))
        ],
        "help_show": [{"name": "package_show"}],
        "vocabulary_show": [{"id": "zqx"}],
        "scheming_dataset_schema_show": [{"type": "inventory_entry"}],
        "config_option_show": [{"key": "ckan.site_title"}],
        "user_autocomplete": [{"q": "person"}],
        "group_autocomplete": [{"q": "zq"}],
        "organization_autocomplete": [{"q": "zq"}],
        "harvest_object_list": [{}, {"only_current": False}],
        "harvest_source_list": [{}],
        "inventory_entry_list": [{"limit": 1000}, {"q": "words"}],
        "inventory_source_list": [{"limit": 1000}],
        "inventory_import_list": [{"limit": 1000}, {"department": city.a.id}],
        "inventory_import_show": [{"id": each} for each in city.imports.values()],
        "inventory_import_marked": [{"id": each} for each in city.imports.values()],
        "inventory_part_list": [{"limit": 1000}, {"out": True}],
    }


def search_words(city: City) -> list[str]:
    """Words that somebody may try."""
    return [
        next(each.token for each in city.words.of("draft") if each.place == place)
        for place in ("title", "keywords", "notes", "name", "number")
    ]
