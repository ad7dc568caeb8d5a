"""The optional plugin: a harvester of candidates, and what keeps its sources private."""

from __future__ import annotations

from typing import Any, cast

import ckan.model as model
import ckan.plugins as p
import ckan.plugins.toolkit as tk
from ckan.common import CKANConfig
from ckan.exceptions import CkanConfigurationException
from ckan.types import AuthFunction, AuthResult, Context, DataDict
from ckanext.harvest.interfaces import IHarvester
from ckanext.harvest.model import HarvestJob, HarvestObject

from ckanext.inventory import policy
from ckanext.inventory.guards.asking import refused
from ckanext.inventory.harvesters import settings, stages
from ckanext.inventory.harvesters.problems import CatalogueError
from ckanext.inventory.logic import who
from ckanext.inventory.service import candidates


class InventoryHarvestPlugin(
    p.IAuthFunctions,
    p.IConfigurable,
    p.IPackageController,
    p.SingletonPlugin,
):
    """Brings records of other catalogues as drafts for the departments."""

    p.implements(IHarvester)

    # IConfigurable

    def configure(self, config: CKANConfig) -> None:
        """Refuse to start without the plugins that this one stands on."""
        missing = [name for name in ("inventory", "harvest") if not p.plugin_loaded(name)]
        if missing:
            raise CkanConfigurationException(
                "The plugin inventory_harvest needs " + " and ".join(missing) + " in ckan.plugins."
            )

    # IHarvester

    def info(self) -> dict[str, str]:
        """Return what the form for harvest sources shows."""
        return {
            "name": candidates.SOURCE_TYPE,
            "title": tk._("Candidates for the inventory"),
            "description": tk._(
                "A DCAT-US catalogue (data.json) or another CKAN portal. Its datasets become drafts "
                "in the inventory, for the departments that the configuration names."
            ),
            "form_config_interface": "Text",
        }

    def validate_config(self, config: str) -> str:
        """Refuse settings that can't be used, with what is wrong.

        :raises ValueError: with words for the form
        """
        try:
            settings.look_up(model.Session(), settings.parse(config))
        except CatalogueError as problem:
            raise ValueError(str(problem)) from problem
        return config

    def get_original_url(self, harvest_object_id: str) -> str | None:
        """Return where a record of the report is described."""
        found = cast(Any, HarvestObject).get(harvest_object_id)
        return str(found.source.url) if found is not None else None

    def gather_stage(self, harvest_job: HarvestJob) -> list[str] | None:
        """Read the catalogue."""
        return stages.gather(harvest_job)

    def fetch_stage(self, harvest_object: HarvestObject) -> bool:
        """Do nothing: the records came with the catalogue."""
        return True

    def import_stage(self, harvest_object: HarvestObject) -> bool | str:
        """Bring the records of a batch."""
        return stages.import_batch(harvest_object)

    # IPackageController

    def create(self, entity: Any) -> None:
        """Keep a source private, whatever was sent."""
        self._lock(entity)

    def edit(self, entity: Any) -> None:
        """Keep a source private, whatever was sent."""
        self._lock(entity)

    @staticmethod
    def _lock(entity: Any) -> None:
        if isinstance(entity, model.Package) and candidates.is_source(entity.type, entity.extras):
            entity.private = True

    # IAuthFunctions

    def get_auth_functions(self) -> dict[str, Any]:
        """Leave sources of candidates to the CDO: they write into every department."""
        return {
            "package_create": package_create,
            "package_delete": package_delete,
            "package_update": package_update,
        }


_CDO_ONLY = "Only the chief data officer can do that."


@tk.chained_auth_function
@tk.auth_allow_anonymous_access
def package_create(
    next_auth: AuthFunction, context: Context, data_dict: DataDict | None = None
) -> AuthResult:
    """Let the CDO make a source of candidates, as far as core lets them."""
    given = data_dict or {}
    if candidates.is_source(given.get("type"), given) and not _is_cdo(context):
        return refused(_CDO_ONLY)
    return next_auth(context, given)


@tk.chained_auth_function
@tk.auth_allow_anonymous_access
def package_update(
    next_auth: AuthFunction, context: Context, data_dict: DataDict | None
) -> AuthResult:
    """Let the CDO change and run a source of candidates; core's rights are not enough."""
    given = data_dict or {}
    package = _named(given)
    if package is not None and candidates.is_source(package.type, package.extras):
        return {"success": True} if _is_cdo(context) else refused(_CDO_ONLY)
    becomes = package is not None and candidates.is_source(package.type, given)
    if becomes and not _is_cdo(context):
        return refused(_CDO_ONLY)
    return next_auth(context, given)


@tk.chained_auth_function
def package_delete(
    next_auth: AuthFunction, context: Context, data_dict: DataDict | None
) -> AuthResult:
    """Let the CDO delete a source of candidates."""
    given = data_dict or {}
    package = _named(given)
    if package is not None and candidates.is_source(package.type, package.extras):
        return {"success": True} if _is_cdo(context) else refused(_CDO_ONLY)
    return next_auth(context, given)


def _named(data_dict: DataDict) -> model.Package | None:
    reference = data_dict.get("id")
    return model.Package.get(reference) if isinstance(reference, str) and reference else None


def _is_cdo(context: Context) -> bool:
    return policy.is_cdo(who.person(context))
