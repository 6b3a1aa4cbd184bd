"""The platform operators' view of organisations and people. Nothing is deleted, only deactivated.

People and roles are here, not in accounts: what an operator changes of them concerns organisations.
"""

from organizations.admin import joining, organizations, people

__all__ = ["joining", "organizations", "people"]
