"""What the API takes and shows of branches."""

from config.api.fields import StrictModelSerializer
from config.api.schema import example
from organizations.models import Branch


@example(name="Bremen", city="Bremen", time_zone="Europe/Berlin")
class BranchSerializer(StrictModelSerializer[Branch]):
    """A branch."""

    class Meta:
        model = Branch
        fields = ("id", "name", "address", "city", "country", "time_zone", "is_active")
