from typing import Any

from django.db import migrations

from config.names import fill_normal_forms


def fill(apps: Any, schema_editor: Any) -> None:
    fill_normal_forms(
        apps.get_model("filterlists", "FilterGroup"),
        "name_key",
        "name",
        ("user_id", "organization_id", "table"),
    )
    fill_normal_forms(
        apps.get_model("filterlists", "FilterList"),
        "name_key",
        "name",
        ("user_id", "organization_id", "table"),
    )


class Migration(migrations.Migration):
    dependencies = [("filterlists", "0003_normal_forms")]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop, elidable=True),
    ]
