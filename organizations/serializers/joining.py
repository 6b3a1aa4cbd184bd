"""What the API takes and shows of join requests and invitations."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.serializers import PersonBriefSerializer
from config.api.fields import IdField, TextField
from config.api.schema import example
from config.names import validate_ascii_email
from organizations.cache import unconfirmed
from organizations.models import Invitation, JoinRequest
from organizations.serializers.brief import NamedSerializer
from organizations.serializers.organizations import FoundSerializer

INVITATION_STATUSES = ("open", "unconfirmed", "accepted", "revoked", "expired")
MAIL_STATUSES = ("unknown", "sent", "failed")


class JoinRequestSerializer(serializers.ModelSerializer[JoinRequest]):
    """A request to join, and what became of it."""

    organization = FoundSerializer()
    requester = PersonBriefSerializer()
    processed_by = PersonBriefSerializer(allow_null=True)
    role = NamedSerializer(allow_null=True)
    branch = NamedSerializer(allow_null=True)

    class Meta:
        model = JoinRequest
        fields = (
            "id",
            "organization",
            "requester",
            "status",
            "message",
            "response",
            "processed_by",
            "processed_at",
            "role",
            "branch",
            "created_at",
        )


@example(organization=1, message="I begin on Monday.")
class RequestToJoinSerializer(serializers.Serializer[object]):
    """Which organisation to ask."""

    organization = IdField()
    message = TextField(max_length=1000, allow_blank=True, default="")


@example(role=2, branch=1, response="Welcome!")
class ApprovalSerializer(serializers.Serializer[object]):
    """What who asks to join gets."""

    role = IdField()
    branch = IdField(required=False, allow_null=True)
    response = TextField(max_length=1000, allow_blank=True, default="")


@example(response="Please ask Suedwind.")
class RejectionSerializer(serializers.Serializer[object]):
    """What who asks to join is told."""

    response = TextField(max_length=1000, allow_blank=True, default="")


class InvitationListSerializer(serializers.ListSerializer[Invitation]):
    """Invitations; whose authors may still give them is found out for all at once."""

    def to_representation(self, data: Any) -> list[Any]:
        """Return what each row shows."""
        rows = list(data)
        self.context["unconfirmed"] = unconfirmed(rows)
        return super().to_representation(rows)


class InvitationSerializer(serializers.ModelSerializer[Invitation]):
    """An invitation; `mail` is unknown until it was tried, after the request that asked for it."""

    role = NamedSerializer(allow_null=True)
    branch = NamedSerializer(allow_null=True)
    invited_by = PersonBriefSerializer()
    status = serializers.SerializerMethodField()
    mail = serializers.SerializerMethodField()

    class Meta:
        model = Invitation
        fields = (
            "id",
            "email",
            "role",
            "branch",
            "invited_by",
            "status",
            "mail",
            "created_at",
            "expires_at",
            "accepted_at",
        )
        list_serializer_class = InvitationListSerializer

    @extend_schema_field(serializers.ChoiceField(INVITATION_STATUSES))
    def get_status(self, invitation: Invitation) -> str:
        """Return what became of it."""
        if invitation.accepted_at:
            return "accepted"
        if invitation.revoked_at:
            return "revoked"
        if invitation.expires_at <= timezone.now():
            return "expired"
        # Alone it is shown to whoever has just sent or revoked it.
        return "unconfirmed" if invitation.id in self.context.get("unconfirmed", ()) else "open"

    @extend_schema_field(serializers.ChoiceField(MAIL_STATUSES))
    def get_mail(self, invitation: Invitation) -> str:
        """Return what became of the last mail."""
        if invitation.mail_error:
            return "failed"
        return "sent" if invitation.mailed_at else "unknown"


@example(email="dora@nordwind.example", role=2, branch=1)
class InviteSerializer(serializers.Serializer[object]):
    """Whom to invite to what."""

    email = serializers.EmailField(max_length=254, validators=[validate_ascii_email])
    role = IdField()
    branch = IdField(required=False, allow_null=True)


@example(token="c2VjcmV0IG9mIHRoZSBtYWls")  # noqa: S106  a secret that is none
class AcceptSerializer(serializers.Serializer[object]):
    """The token of the mail."""

    token = TextField(max_length=100)


class AcceptedSerializer(serializers.Serializer[object]):
    """What was joined."""

    organization = FoundSerializer()
    role = NamedSerializer(allow_null=True)
    branch = NamedSerializer(allow_null=True)
