"""How what happened reads: history and notices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.inventory.types import ENTRY


def inventory_event_words(event: Mapping[str, Any]) -> str:
    """Return what somebody did, in words.

    :param event: an event of the history
    :returns: "approved it", "changed 2 answers"
    """
    words = {
        "create": tk._("added it"),
        "import": tk._("brought it in from a file"),
        "comment": tk._("wrote"),
        "assign": tk._("assigned it"),
        "mark": tk._("marked it"),
        "classify": tk._("confirmed its classification"),
        "review": tk._("recorded a review"),
        "question": tk._("asked the data steward"),
        "waiver_request": tk._("asked to waive a blocker"),
        "want": tk._("said that they want it"),
        "want_withdraw": tk._("took back that they want it"),
        "want_end": tk._("ended a wish: whoever had it is no viewer any more"),
        "submit": tk._("submitted it"),
        "recall": tk._("recalled it"),
        "return": tk._("returned it"),
        "approve": tk._("approved it"),
        "defer": tk._("put it aside for now"),
        "withhold": tk._("marked it as “Can't be released”"),
        "reopen": tk._("reopened it"),
        "prepare": tk._("began to prepare its data"),
        "promote": tk._("put it on the portal"),
        "withdraw": tk._("withdrew it from the portal"),
        "retire": tk._("retired it"),
        "confirm": tk._("confirmed that it is still true"),
        "undo": tk._("took the last step back"),
        "transfer": tk._("moved it to another department"),
        "transfer_request": tk._("asked to move it to another department"),
        "transfer_decline": tk._("declined the move"),
        "merge": tk._("merged the departments"),
        "hand_over": tk._("handed it over"),
        "part_send": tk._("sent it to a colleague in a part"),
        "harvest": tk._("brought it from another catalogue"),
        "harvest_gone": tk._("noticed that its catalogue no longer holds it"),
        "take_over": tk._("took it over, as it was decided before this system"),
        "link": tk._("linked it to what is on the portal, as decided before this system"),
    }
    if event["act"] == "edit":
        count = len(event.get("changes") or event["details"].get("fields") or [])
        if not count:
            return tk._("edited it")
        return tk.ungettext("changed one answer", "changed {n} answers", count).format(n=count)
    return words.get(event["act"], tk._("changed something"))


def inventory_notice_words(notice: Mapping[str, Any]) -> str:
    """Return what somebody is told, without a word of the record.

    :param notice: a row of ``inventory_notice_list``
    :returns: a sentence
    """
    many = max(int(notice["count"]), 1)
    who = notice["by"] or tk._("Somebody")

    def ungettext(one: str, several: str) -> str:  # the name lets Babel find the texts
        return tk.ungettext(one, several, many).format(who=who, n=many)

    soon = bool(notice["at_once"])
    words = {
        "return": ungettext(
            "{who} returned an entry, with a comment.",
            "{who} returned {n} entries, with a comment.",
        ),
        "comment": ungettext(
            "{who} mentioned you in a comment.", "{who} mentioned you in comments."
        )
        if soon
        else ungettext("{who} wrote a comment.", "{who} wrote comments."),
        "question": tk._("{who} asks you about the data.").format(who=who)
        if soon
        else tk._("{who} asks the steward about the data.").format(who=who),
        "waiver_request": tk._("{who} asks to waive a blocker.").format(who=who),
        "edit": tk._("{who} decided on a blocker that you asked to waive.").format(who=who),
        "approve": ungettext("{who} approved an entry.", "{who} approved {n} entries."),
        "withhold": ungettext(
            "{who} decided that an entry can't be released.",
            "{who} decided that {n} entries can't be released.",
        ),
        "defer": ungettext(
            "{who} put an entry aside for now.", "{who} put {n} entries aside for now."
        ),
        "transfer": tk._("An entry moved to the other department, as you asked.")
        if soon
        else ungettext("{who} moved an entry to you.", "{who} moved {n} entries to you."),
        "transfer_decline": tk._("{who} declined to take over an entry.").format(who=who),
        "transfer_request": tk._("{who} asks you to take over an entry.").format(who=who),
        "withdraw": ungettext(
            "{who} took an entry off the portal.", "{who} took {n} entries off the portal."
        ),
        "want": ungettext("{who} wants one of your entries.", "{who} wants {n} of your entries."),
        "link": ungettext(
            "{who} linked an entry to what is on the portal already.",
            "{who} linked {n} entries to what is on the portal already.",
        ),
        "submit": ungettext("{who} submitted an entry.", "{who} submitted {n} entries."),
        "assign": ungettext(
            "{who} assigned an entry to you.", "{who} assigned {n} entries to you."
        ),
        "hand_over": ungettext(
            "{who} handed an entry over to you.", "{who} handed {n} entries over to you."
        ),
        "mark": ungettext(
            "{who} finds an entry worth detailing.", "{who} finds {n} entries worth detailing."
        ),
        "promote": ungettext(
            "{who} put an entry on the portal.", "{who} put {n} entries on the portal."
        ),
    }
    return words.get(notice["act"]) or tk._("Something changed.")


def inventory_notice_link(item: Mapping[str, Any], act: str) -> str:
    """Return the page of a record that somebody is told of.

    :param item: a record of a notice
    :param act: what was done
    :returns: the address, for a comment that of the thread
    """
    page = "inventory.entry" if item["type"] == ENTRY else "inventory.source"
    talk = act in ("comment", "question", "waiver_request")
    return str(tk.url_for(page, number=item["number"], _anchor="history" if talk else None))


def inventory_topic_label(topic: str) -> str:
    """Return the heading over what people are told for one reason.

    :param topic: the reason
    :returns: the heading
    """
    labels = {
        "back": tk._("Came back"),
        "waits": tk._("Waits for you"),
        "decided": tk._("Decided"),
        "public": tk._("Became public"),
        "said": tk._("Comments"),
    }
    return labels[topic]
