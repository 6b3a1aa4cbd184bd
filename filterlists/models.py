"""Saved filters of lists, the groups they stand in, and how a person looks at each table."""

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q

from accounts.models import RoleAssignment
from config.models import Timestamped
from config.names import NormalFormField, validate_name

GROUP_NAME = "filter_group_name"
LIST_NAME = "filter_list_name"


class ViewMode(models.TextChoices):
    """How a table is drawn."""

    TABLE = "table"
    CARDS = "cards"


class FilterGroup(Timestamped):
    """A heading under which a person keeps lists of one table, in one organisation."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    organization = models.ForeignKey("organizations.Organization", models.CASCADE, related_name="+")
    table = models.CharField(max_length=50)
    name = models.CharField(max_length=100, validators=[validate_name])
    name_key = NormalFormField("name")
    position = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "organization", "table", "name_key"],
                name=GROUP_NAME,
                violation_error_message="This person has a group of this name already.",
            ),
            # What the foreign key of lists points at, so that a list cannot leave its table.
            models.UniqueConstraint(
                fields=["id", "user", "organization", "table"], name="filter_group_whole"
            ),
        ]

    def __str__(self) -> str:
        return self.name


def owner_is_there() -> Exists:
    """Return the condition that a row's person belongs to its organisation, and is active."""
    return Exists(
        RoleAssignment.objects.filter(
            user_id=OuterRef("user_id"),
            user__is_active=True,
            role__organization_id=OuterRef("organization_id"),
        )
    )


class FilterListQuerySet(models.QuerySet["FilterList"]):
    def usable_by(
        self, user_id: int, organization_id: int, *, writes_all: bool
    ) -> "FilterListQuerySet":
        """Return what a person may run in an organisation: their own and what is shared there.

        What is left behind, whose owner is there no more, is for who `writes_all` alone.
        """
        shared = Q(is_shared=True) if writes_all else Q(owner_is_there(), is_shared=True)
        return self.filter(Q(user_id=user_id) | shared, organization_id=organization_id)


class FilterList(Timestamped):
    """A saved filter of one table, in one organisation; shared, it is for all who work there.

    The group is of the same person, organisation and table: the database sees to that.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    organization = models.ForeignKey("organizations.Organization", models.CASCADE, related_name="+")
    table = models.CharField(max_length=50)
    name = models.CharField(max_length=100, validators=[validate_name])
    name_key = NormalFormField("name")
    conditions = models.JSONField(default=list, blank=True)
    operators = models.JSONField(default=list, blank=True)
    # Its key in the database is made of four columns; see the migration.
    group = models.ForeignKey(
        FilterGroup,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="lists",
        db_constraint=False,
    )
    position = models.PositiveIntegerField(default=0)
    is_shared = models.BooleanField(default=False)

    objects = FilterListQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "organization", "table", "name_key"],
                name=LIST_NAME,
                violation_error_message="This person has a list of this name already.",
            )
        ]
        indexes = [
            models.Index(
                fields=["organization", "table"],
                condition=Q(is_shared=True),
                name="filter_list_shared",
            )
        ]

    def __str__(self) -> str:
        return self.name


class TableSettings(Timestamped):
    """How a person looks at a table, in whatever organisation."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    table = models.CharField(max_length=50)
    column_order = models.JSONField(default=list, blank=True)
    hidden_columns = models.JSONField(default=list, blank=True)
    view_mode = models.CharField(max_length=10, choices=ViewMode, default=ViewMode.TABLE)
    sort = models.CharField(max_length=60, blank=True)

    class Meta:
        verbose_name_plural = "table settings"
        constraints = [
            models.UniqueConstraint(fields=["user", "table"], name="table_settings_once"),
            models.CheckConstraint(
                condition=Q(view_mode__in=ViewMode.values), name="table_settings_known_view"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.table} of {self.user_id}"
