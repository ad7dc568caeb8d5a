"""The plugin: wiring only. Each hook is a line or two that calls the room where the work is."""

from __future__ import annotations

from typing import Any

import ckan.model as model
import ckan.plugins as p
import ckan.plugins.toolkit as tk
from ckan.common import CKANConfig
from ckan.lib.plugins import DefaultTranslation
from ckan.types import Context

from ckanext.inventory import config as inventory_config
from ckanext.inventory import guards, invited, labels, route_guard, search_guard, vocabularies
from ckanext.inventory.logic import auth, parameters, validators
from ckanext.inventory.logic.action import all_actions
from ckanext.inventory.logic.action import package as package_actions
from ckanext.inventory.publishing import hold
from ckanext.inventory.service import indexing, register, startup
from ckanext.inventory.types import PRIVATE_TYPES
from ckanext.inventory.views import inventory


@tk.blanket.blueprints(lambda: [route_guard.blueprint, invited.blueprint, inventory])
@tk.blanket.cli
@tk.blanket.config_declarations
@tk.blanket.helpers
class InventoryPlugin(
    DefaultTranslation,
    p.IActions,
    p.IAuthFunctions,
    p.IConfigurable,
    p.IConfigurer,
    p.IPackageController,
    p.IPermissionLabels,
    p.ISignal,
    p.ITranslation,
    p.IValidators,
    p.SingletonPlugin,
):
    """A private inventory of a city's data, beside its public portal."""

    # IConfigurer

    def update_config(self, config: CKANConfig) -> None:
        """Register templates and assets."""
        tk.add_template_directory(config, "templates")
        tk.add_resource("assets", "inventory")

    # IConfigurable

    def configure(self, config: CKANConfig) -> None:
        """Refuse to start with settings that would show what is private."""
        vocabularies.use(inventory_config.vocabularies_path())
        startup.refuse_unsafe_settings()

    # IActions

    def get_actions(self) -> dict[str, Any]:
        """Return our actions and the guards of core's."""
        return all_actions() | guards.actions()

    # IAuthFunctions

    def get_auth_functions(self) -> dict[str, Any]:
        """Return our auth functions and the guards of core's."""
        return auth.AUTH_FUNCTIONS | guards.auth_functions()

    # ISignal

    def get_signal_subscriptions(self) -> Any:
        """Give people who sign in for the first time what they were invited to."""
        return {tk.signals.user_logged_in: [invited.claim]}

    # IValidators

    def get_validators(self) -> dict[str, Any]:
        """Return the validators of the schemas and of action parameters."""
        modules = (validators, parameters)
        return {name: getattr(module, name) for module in modules for name in module.__all__}

    # IPackageController

    def create(self, entity: Any) -> None:
        """Keep a package of ours private, whatever was sent."""
        self._lock(entity)

    def edit(self, entity: Any) -> None:
        """Keep a package of ours private, whatever was sent."""
        self._lock(entity)

    @staticmethod
    def _lock(entity: Any) -> None:
        if isinstance(entity, model.Package) and entity.type in PRIVATE_TYPES:
            entity.private = True

    def after_dataset_create(self, context: Context, pkg_dict: dict[str, Any]) -> None:
        """Register a new package of ours."""
        package = model.Package.get(pkg_dict["id"])
        if package is not None and package.type in PRIVATE_TYPES:
            register.created(model.Session(), package, package_actions.write_of(context))

    def after_dataset_update(self, context: Context, pkg_dict: dict[str, Any]) -> None:
        """Take a write to a package of ours into the register."""
        package = model.Package.get(pkg_dict["id"])
        if package is not None and package.type in PRIVATE_TYPES:
            register.updated(model.Session(), package, package_actions.write_of(context))
        elif package is not None:
            hold.refuse_change(model.Session(), context, package)

    def before_dataset_search(self, search_params: dict[str, Any]) -> dict[str, Any]:
        """Keep searches from measuring hidden documents, and listings from showing ours."""
        return search_guard.before_dataset_search(search_params)

    def before_dataset_index(self, pkg_dict: dict[str, Any]) -> dict[str, Any]:
        """Reduce the index document of a package of ours to the allow-list."""
        if pkg_dict.get("dataset_type") in PRIVATE_TYPES:
            return indexing.allowed_document(pkg_dict)
        return pkg_dict

    # IPermissionLabels

    def get_dataset_labels(self, dataset_obj: model.Package) -> list[str]:
        """Return the labels of any package."""
        return labels.dataset_labels(model.Session(), dataset_obj)

    def get_user_dataset_labels(self, user_obj: Any) -> list[str]:
        """Return the labels of a person."""
        return labels.user_labels(model.Session(), user_obj)
