from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("filterlists", "0004_fill_normal_forms")]

    operations = [
        migrations.RemoveConstraint(
            model_name="filtergroup",
            name="filter_group_name",
        ),
        migrations.RemoveConstraint(
            model_name="filterlist",
            name="filter_list_name",
        ),
        migrations.AddConstraint(
            model_name="filtergroup",
            constraint=models.UniqueConstraint(
                fields=("user", "organization", "table", "name_key"),
                name="filter_group_name",
                violation_error_message="This person has a group of this name already.",
            ),
        ),
        migrations.AddConstraint(
            model_name="filterlist",
            constraint=models.UniqueConstraint(
                fields=("user", "organization", "table", "name_key"),
                name="filter_list_name",
                violation_error_message="This person has a list of this name already.",
            ),
        ),
    ]
