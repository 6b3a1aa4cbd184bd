"""What the apps above may want to know of memberships, in the transaction of the change."""

from django.dispatch import Signal

# Sent with `user_id`, `organization_id` and `author_id` (None: the system or an operator) when a
# person left an organisation or was deactivated, after the change and before COMMIT.
membership_ended = Signal()
