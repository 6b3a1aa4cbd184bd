from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0006_fill_normal_forms")]

    operations = [
        migrations.RemoveConstraint(
            model_name="role",
            name="role_name_in_organization",
        ),
        migrations.RemoveConstraint(
            model_name="user",
            name="user_username_any_case",
        ),
        migrations.RemoveConstraint(
            model_name="user",
            name="user_email_any_case",
        ),
        migrations.AddConstraint(
            model_name="role",
            constraint=models.UniqueConstraint(
                fields=("organization", "name_key"),
                name="role_name_in_organization",
                violation_error_message="The organisation has a role of this name already.",
            ),
        ),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.UniqueConstraint(
                fields=("username_key",),
                name="user_username_any_case",
                violation_error_message="Somebody has this user name already.",
            ),
        ),
    ]
