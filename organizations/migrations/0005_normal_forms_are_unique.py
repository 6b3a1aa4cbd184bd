from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("organizations", "0004_fill_normal_forms")]

    operations = [
        migrations.RemoveConstraint(
            model_name="branch",
            name="branch_name_in_organization",
        ),
        migrations.AddConstraint(
            model_name="branch",
            constraint=models.UniqueConstraint(
                fields=("organization", "name_key"),
                name="branch_name_in_organization",
                violation_error_message="The organisation has a branch of this name already.",
            ),
        ),
    ]
