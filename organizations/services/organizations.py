"""An organisation's card and its settings."""

import json
import math
from collections.abc import Mapping
from typing import Any, Final

from django.db import IntegrityError, transaction

from accounts.cache import Person, organization_fact
from config.cache import changed
from config.db.constraints import violated
from config.db.retry import write
from config.errors import DomainError, InvalidField
from organizations.cache import SETTINGS_COLUMNS, organization_settings
from organizations.models import Organization, OrganizationSettings
from organizations.services.membership import lock_organization

SETTINGS_MAX_BYTES: Final = 256 * 1024
DEEPEST: Final = 20


class DomainTaken(DomainError):
    """Another organisation has that internet domain."""

    code = "domain_taken"
    detail = "Another organisation has this domain already."


@write
def update_organization(*, editor: Person, changes: Mapping[str, Any]) -> Organization:
    """Change the editor's organisation and return it; raise DomainTaken."""
    organization = lock_organization(editor.acting_role.organization_id)
    for name, value in changes.items():
        setattr(organization, name, value)
    try:
        with transaction.atomic():
            organization.save(update_fields=[*changes, "updated_at"])
    except IntegrityError as error:
        known = "domain" in (violated(error) or "")
        raise (DomainTaken() if known else error) from error
    changed(organization_fact(organization.id))
    return organization


@write
def update_settings(*, editor: Person, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Set top-level keys of the settings, remove those given as None, and return them all.

    Raises InvalidField for what JSON in PostgreSQL cannot hold, and for more than 256 KiB.
    """
    organization = lock_organization(editor.acting_role.organization_id)
    columns = {key: value for key, value in changes.items() if key in SETTINGS_COLUMNS}
    if columns:
        Organization.objects.filter(pk=organization.pk).update(**columns)
        changed(organization_fact(organization.id))
    free = {key: value for key, value in changes.items() if key not in SETTINGS_COLUMNS}
    if free:
        _require_storable(free)
        stored, _ = OrganizationSettings.objects.get_or_create(organization=organization)
        stored.data = {
            key: value for key, value in {**stored.data, **free}.items() if value is not None
        }
        size = len(json.dumps(stored.data, ensure_ascii=False, separators=(",", ":")).encode())
        if size > SETTINGS_MAX_BYTES:
            raise InvalidField("", "too_large", f"Settings may have {SETTINGS_MAX_BYTES} bytes.")
        stored.save(update_fields=["data", "updated_at"])
    return organization_settings(organization.id)


def _require_storable(value: Any, path: str = "", depth: int = 0) -> None:
    if depth > DEEPEST:
        raise InvalidField(path, "too_deep", f"Nest at most {DEEPEST} levels.")
    if isinstance(value, dict):
        for key, inner in value.items():
            _require_storable(key, path, depth)
            _require_storable(inner, f"{path}.{key}".lstrip("."), depth + 1)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            _require_storable(inner, f"{path}.{index}", depth + 1)
    elif isinstance(value, str):
        if "\0" in value or any("\ud800" <= each <= "\udfff" for each in value):
            raise InvalidField(path, "invalid", "This text has characters that cannot be stored.")
    elif isinstance(value, float) and not math.isfinite(value):
        raise InvalidField(path, "invalid", "This number is too large.")
