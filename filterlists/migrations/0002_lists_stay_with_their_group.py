"""The foreign key that Django cannot declare: a list's group has its person and table.

Checked at once, so that a refusal names the statement; without a group nothing is checked.
"""

from django.db import migrations

ADD = """
ALTER TABLE filterlists_filterlist
    ADD CONSTRAINT filter_list_in_own_group
    FOREIGN KEY (group_id, user_id, organization_id, "table")
    REFERENCES filterlists_filtergroup (id, user_id, organization_id, "table")
"""
DROP = "ALTER TABLE filterlists_filterlist DROP CONSTRAINT filter_list_in_own_group"


class Migration(migrations.Migration):
    dependencies = [("filterlists", "0001_filter_lists")]

    operations = [migrations.RunSQL(ADD, DROP)]
