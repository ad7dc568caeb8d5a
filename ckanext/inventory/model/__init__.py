"""Tables of the inventory, one module per group."""

from __future__ import annotations

from ckanext.inventory.model.candidate import Candidate
from ckanext.inventory.model.department import Department, Transfer
from ckanext.inventory.model.endorsement import Endorsement
from ckanext.inventory.model.event import event, event_detail, event_entry
from ckanext.inventory.model.imports import Import, ImportLook, ImportMapping, ImportRow
from ckanext.inventory.model.invitation import Invitation
from ckanext.inventory.model.link import Link
from ckanext.inventory.model.notice import Notice, NoticeSetting
from ckanext.inventory.model.outbox import Outbox, Pending
from ckanext.inventory.model.part import Part
from ckanext.inventory.model.record import Record, Revision
from ckanext.inventory.model.review import ReviewRecord
from ckanext.inventory.model.role import RoleGrant
from ckanext.inventory.model.takeover import PastState
from ckanext.inventory.model.words import Words

__all__ = [
    "Candidate",
    "Department",
    "Endorsement",
    "Import",
    "ImportLook",
    "ImportMapping",
    "ImportRow",
    "Invitation",
    "Link",
    "Notice",
    "NoticeSetting",
    "Outbox",
    "Part",
    "PastState",
    "Pending",
    "Record",
    "ReviewRecord",
    "Revision",
    "RoleGrant",
    "Transfer",
    "Words",
    "event",
    "event_detail",
    "event_entry",
]
