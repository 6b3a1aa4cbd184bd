from django.db import migrations

# No trigger for TRUNCATE: tests flush.
TRIGGER = """
CREATE FUNCTION worktime_refuse_change_of_revision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'revisions are append-only' USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER worktime_revisions_are_append_only
    BEFORE UPDATE OR DELETE ON worktime_worktimerevision
    FOR EACH ROW EXECUTE FUNCTION worktime_refuse_change_of_revision();
"""


class Migration(migrations.Migration):
    dependencies = [("worktime", "0002_revisions_and_overtime")]

    operations = [
        migrations.RunSQL(
            TRIGGER,
            "DROP TRIGGER worktime_revisions_are_append_only ON worktime_worktimerevision;"
            "DROP FUNCTION worktime_refuse_change_of_revision();",
        )
    ]
