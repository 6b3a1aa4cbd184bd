from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("config", "0001_idempotency_keys")]

    operations = [
        migrations.AddField(
            model_name="idempotencykey",
            name="acting_role",
            field=models.BigIntegerField(null=True),
        ),
    ]
