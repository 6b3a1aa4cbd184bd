from typing import Any

from django.db import migrations

from config.names import fill_normal_forms


def fill(apps: Any, schema_editor: Any) -> None:
    fill_normal_forms(
        apps.get_model("organizations", "Branch"), "name_key", "name", ("organization_id",)
    )


class Migration(migrations.Migration):
    dependencies = [("organizations", "0003_normal_forms")]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop, elidable=True),
    ]
