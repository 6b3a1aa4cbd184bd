"""Where people belong."""

from typing import Any

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from accounts.models import validate_country, validate_time_zone
from config.models import Timestamped
from config.names import NormalFormField, validate_ascii_email, validate_name

validate_slug = RegexValidator(
    r"^[a-z0-9]+(-[a-z0-9]+)*\Z", "Use lower-case letters, digits and single hyphens."
)


class DailyLimit(models.TextChoices):
    """What happens when a person has worked their hours of a day."""

    ENFORCE = "enforce", "Stop"
    WARN = "warn", "Warn"
    OFF = "off", "Off"


class DayRule(models.TextChoices):
    """Which day a record across midnight counts for."""

    SPLIT_AT_MIDNIGHT = "split_at_midnight", "Split at midnight"
    START_DAY = "start_day", "The day it started"


class Organization(Timestamped):
    """A company or association. Never deleted, only deactivated.

    The rules that clocking in needs are columns here, so that `OrganizationSettings`, which may
    grow to megabytes, is read by its own endpoint alone.
    """

    name = models.CharField(max_length=100, validators=[validate_slug])
    display_name = models.CharField(max_length=200, validators=[validate_name])
    domain = models.CharField(max_length=253, null=True, blank=True, unique=True)
    logo = models.URLField(blank=True)
    is_active = models.BooleanField(default=True)
    max_users = models.PositiveIntegerField(default=50)
    subscription_plan = models.CharField(max_length=50, default="basic")
    subscription_end = models.DateTimeField(null=True, blank=True)
    country = models.CharField(max_length=2, blank=True, validators=[validate_country])
    tax_number = models.CharField(max_length=50, blank=True)
    time_zone = models.CharField(max_length=64, default="UTC", validators=[validate_time_zone])
    require_bank_details = models.BooleanField(default=False)
    daily_limit = models.CharField(max_length=10, choices=DailyLimit, default=DailyLimit.WARN)
    day_rule = models.CharField(max_length=20, choices=DayRule, default=DayRule.SPLIT_AT_MIDNIGHT)

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("name"), name="organization_name_any_case"),
            models.CheckConstraint(
                condition=Q(daily_limit__in=DailyLimit.values), name="organization_known_limit"
            ),
            models.CheckConstraint(
                condition=Q(day_rule__in=DayRule.values), name="organization_known_day_rule"
            ),
        ]

    def __str__(self) -> str:
        return self.display_name


def _default_settings() -> dict[str, Any]:
    return {}


class OrganizationSettings(Timestamped):
    """Free-form settings of an organisation; never joined to or read beside anything else."""

    organization = models.OneToOneField(Organization, models.CASCADE, related_name="settings")
    data = models.JSONField(default=_default_settings, blank=True)

    class Meta:
        verbose_name_plural = "organization settings"

    def __str__(self) -> str:
        return f"Settings of {self.organization_id}"


class Branch(Timestamped):
    """A place of an organisation where people work."""

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="branches")
    name = models.CharField(max_length=100, validators=[validate_name])
    name_key = NormalFormField("name")
    address = models.CharField(max_length=200, blank=True)
    city = models.CharField(max_length=100, blank=True)
    country = models.CharField(max_length=2, blank=True, validators=[validate_country])
    time_zone = models.CharField(
        max_length=64,
        blank=True,
        validators=[validate_time_zone],
        help_text="Empty: the organisation's.",
    )
    is_active = models.BooleanField(default=True)

    class Meta:
        verbose_name_plural = "branches"
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "name_key"],
                name="branch_name_in_organization",
                violation_error_message="The organisation has a branch of this name already.",
            )
        ]

    def __str__(self) -> str:
        return self.name


class BranchAssignment(Timestamped):
    """A person works in a branch; at most one of a person's branches is the active one."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="branch_assignments"
    )
    branch = models.ForeignKey(Branch, models.PROTECT, related_name="assignments")
    is_active_branch = models.BooleanField(default=False)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "branch"], name="branch_assigned_once"),
            models.UniqueConstraint(
                fields=["user"], condition=Q(is_active_branch=True), name="one_active_branch"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} works in {self.branch_id}"


class JoinStatus(models.TextChoices):
    """What became of a request to join."""

    PENDING = "pending", "Pending"
    APPROVED = "approved", "Approved"
    REJECTED = "rejected", "Rejected"
    WITHDRAWN = "withdrawn", "Withdrawn"


class JoinRequest(Timestamped):
    """Someone asks to join an organisation; `role` and `branch` are what approval gave."""

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="join_requests")
    requester = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="join_requests"
    )
    status = models.CharField(max_length=10, choices=JoinStatus, default=JoinStatus.PENDING)
    message = models.TextField(max_length=1000, blank=True)
    response = models.TextField(max_length=1000, blank=True)
    processed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    processed_at = models.DateTimeField(null=True, blank=True)
    role = models.ForeignKey(
        "accounts.Role", models.SET_NULL, null=True, blank=True, related_name="+"
    )
    branch = models.ForeignKey(Branch, models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "requester"],
                condition=Q(status=JoinStatus.PENDING),
                name="one_pending_join_request",
            ),
            models.CheckConstraint(
                condition=Q(status__in=JoinStatus.values), name="join_request_known_status"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.requester_id} asks to join {self.organization_id}: {self.status}"


class Invitation(Timestamped):
    """Someone is invited by e-mail; the token in that mail is stored as a hash only.

    `role` is empty only for history, after the role was deleted. `mailed_at` and `mail_error`
    say what became of the last mail; neither is set until it was tried.
    """

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="invitations")
    email = models.EmailField(validators=[validate_ascii_email])
    role = models.ForeignKey("accounts.Role", models.SET_NULL, null=True, related_name="+")
    branch = models.ForeignKey(Branch, models.SET_NULL, null=True, blank=True, related_name="+")
    invited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="invitations_sent"
    )
    token_hash = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    accepted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    revoked_at = models.DateTimeField(null=True, blank=True)
    mailed_at = models.DateTimeField(null=True, blank=True)
    mail_error = models.CharField(max_length=100, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "organization",
                Lower("email"),
                condition=Q(accepted_at=None, revoked_at=None),
                name="one_open_invitation",
            )
        ]

    def __str__(self) -> str:
        return f"Invitation {self.pk} to {self.organization_id}"
