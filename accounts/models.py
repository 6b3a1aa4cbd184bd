"""Who someone is and what they may do."""

import hashlib
from collections.abc import Iterator
from typing import Any, ClassVar

from django.apps import apps
from django.contrib.auth.models import AbstractUser
from django.contrib.auth.models import UserManager as StockUserManager
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from knox.models import AbstractAuthToken

from config.db.retry import write
from config.db.zones import shared_time_zones
from config.models import Timestamped
from config.names import (
    NormalFormField,
    validate_ascii_email,
    validate_name,
    validate_one_alphabet,
)


def validate_time_zone(name: str) -> None:
    """Raise ValidationError unless Python and the database know the zone, as "Europe/Zurich"."""
    if name not in shared_time_zones():
        raise ValidationError("“%(name)s” is not a time zone.", "time_zone", {"name": name})


validate_country = RegexValidator(r"^[A-Z]{2}\Z", "Give an ISO 3166-1 code such as “CH”.")
validate_phone_number = RegexValidator(
    r"^\+[1-9][0-9]{1,14}\Z", "Give an international number such as “+41443211234”."
)


class Language(models.TextChoices):
    ENGLISH = "en", "English"
    GERMAN = "de", "Deutsch"
    SPANISH = "es", "Español"


class UserManager(StockUserManager["User"]):
    """Django's, for operators who can log in."""

    use_in_migrations = False

    @write
    def create_superuser(
        self,
        username: str,
        email: str | None = None,
        password: str | None = None,
        **extra_fields: Any,
    ) -> "User":
        """Make an operator, whose e-mail counts as verified; raise ValidationError without one.

        Whoever can run `createsuperuser` needs no mail to prove anything, and the first operator
        is made before any mail server is set up.
        """
        if not email:
            raise ValidationError("An operator needs an e-mail address to log in.")
        validate_ascii_email(email)
        user = super().create_superuser(username, email.lower(), password, **extra_fields)
        apps.get_model("account.EmailAddress").objects.create(
            user=user, email=user.email, verified=True, primary=True
        )
        return user


class User(Timestamped, AbstractUser):
    """A person who can log in. User names are unique whatever their form (`config.names`).

    `email` is where to write to; it is the person's alone once they have verified it (allauth's
    EmailAddress), and until then it keeps nobody else from taking it.
    """

    username = models.CharField(
        max_length=150,
        unique=True,
        validators=[UnicodeUsernameValidator(), validate_name, validate_one_alphabet],
        help_text="At most 150 letters, digits and @/./+/-/_.",
        error_messages={"unique": "Somebody has this user name already."},
    )
    username_key = NormalFormField("username")
    first_name = models.CharField(max_length=150, blank=True, validators=[validate_name])
    last_name = models.CharField(max_length=150, blank=True, validators=[validate_name])
    email = models.EmailField(blank=True, db_index=True, validators=[validate_ascii_email])
    phone_number = models.CharField(max_length=16, blank=True, validators=[validate_phone_number])
    language = models.CharField(max_length=2, choices=Language, default=Language.ENGLISH)
    country = models.CharField(max_length=2, blank=True, validators=[validate_country])
    time_zone = models.CharField(max_length=64, default="UTC", validators=[validate_time_zone])
    birthday = models.DateField(null=True, blank=True)
    bank_details = models.TextField(max_length=500, blank=True)
    employee_number = models.CharField(max_length=50, blank=True)
    normal_working_hours = models.DecimalField(
        max_digits=4, decimal_places=2, default="7.60", help_text="Decimal hours per day."
    )

    # Changed to end all sessions at once, even one whose row or cached copy would survive.
    session_generation = models.PositiveIntegerField(default=0, db_default=0, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        verbose_name = "user"
        constraints = [
            models.UniqueConstraint(
                fields=["username_key"],
                name="user_username_any_case",
                violation_error_message="Somebody has this user name already.",
            ),
            models.CheckConstraint(
                condition=Q(normal_working_hours__gte=0, normal_working_hours__lte=24),
                name="user_hours_of_a_day",
            ),
        ]

    def get_session_auth_hash(self) -> str:
        """Return what a session must hold to be this person's: Django's hash, and a generation."""
        return self._of_this_generation(super().get_session_auth_hash())

    def get_session_auth_fallback_hash(self) -> Iterator[str]:
        """Yield the same as made with former secret keys."""
        for each in super().get_session_auth_fallback_hash():
            yield self._of_this_generation(each)

    def _of_this_generation(self, session_hash: str) -> str:
        text = f"{session_hash}:{self.session_generation}"
        return hashlib.sha256(text.encode()).hexdigest()


class UserSettings(Timestamped):
    """How the browser app looks for one person."""

    user = models.OneToOneField(User, models.CASCADE, related_name="settings")
    dark_mode = models.BooleanField(default=False)
    sidebar_collapsed = models.BooleanField(default=False)

    class Meta:
        verbose_name_plural = "user settings"

    def __str__(self) -> str:
        return f"Settings of {self.user_id}"


class Entity(models.TextChoices):
    """What a permission is about."""

    WORKTIME = "worktime"
    USERS = "users"
    ROLES = "roles"
    BRANCHES = "branches"
    ORGANIZATION = "organization"
    ORGANIZATION_SETTINGS = "organization_settings"
    JOIN_REQUESTS = "join_requests"
    INVITATIONS = "invitations"
    FILTER_LISTS = "filter_lists"


class AccessLevel(models.TextChoices):
    """What a role may do with an entity; no row means NONE."""

    NONE = "none"
    OWN_READ = "own_read"
    OWN_BOTH = "own_both"
    ALL_READ = "all_read"
    ALL_BOTH = "all_both"


class Role(Timestamped):
    """A set of permissions in one organisation. `is_admin` means ALL_BOTH on everything there.

    Nothing ever depends on a role's name.
    """

    organization = models.ForeignKey(
        "organizations.Organization", models.CASCADE, related_name="roles"
    )
    name = models.CharField(max_length=100, validators=[validate_name])
    name_key = NormalFormField("name")
    description = models.TextField(max_length=1000, blank=True)
    is_admin = models.BooleanField(default=False)
    all_branches = models.BooleanField(default=True)
    branches = models.ManyToManyField("organizations.Branch", blank=True, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "name_key"],
                name="role_name_in_organization",
                violation_error_message="The organisation has a role of this name already.",
            )
        ]

    def __str__(self) -> str:
        return self.name


class Permission(Timestamped):
    """What a role may do with one entity."""

    role = models.ForeignKey(Role, models.CASCADE, related_name="permissions")
    entity = models.CharField(max_length=30, choices=Entity)
    access_level = models.CharField(max_length=10, choices=AccessLevel)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["role", "entity"], name="permission_once_per_entity"),
            models.CheckConstraint(
                condition=Q(entity__in=Entity.values), name="permission_known_entity"
            ),
            models.CheckConstraint(
                condition=Q(access_level__in=AccessLevel.values), name="permission_known_level"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.entity}: {self.access_level}"


class RoleAssignment(Timestamped):
    """A person holds a role; at most one of a person's roles is the active one."""

    user = models.ForeignKey(User, models.CASCADE, related_name="role_assignments")
    role = models.ForeignKey(Role, models.PROTECT, related_name="assignments")
    is_active_role = models.BooleanField(default=False)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "role"], name="role_assigned_once"),
            models.UniqueConstraint(
                fields=["user"], condition=Q(is_active_role=True), name="one_active_role"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} holds {self.role_id}"


class Scope(models.TextChoices):
    """What a token may do, at most; the role's permissions count besides."""

    CLOCK = "worktime:clock", "Clock in and out"
    READ = "read", "Read"
    WRITE = "write", "Write"


class ApiToken(Timestamped, AbstractAuthToken):  # type: ignore[misc]
    """A program's key, stored as a digest. It acts in one role, whatever its owner switches to."""

    digest = models.CharField(max_length=128, unique=True)
    name = models.CharField(max_length=100, validators=[validate_name])
    scopes = ArrayField(models.CharField(max_length=20, choices=Scope))
    role_assignment = models.ForeignKey(RoleAssignment, models.CASCADE, related_name="tokens")

    objects: ClassVar[models.Manager["ApiToken"]] = models.Manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(scopes__contained_by=Scope.values) & Q(scopes__len__gt=0),
                name="token_known_scopes",
            )
        ]

    def __str__(self) -> str:
        return self.name
