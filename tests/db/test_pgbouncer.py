"""Behind PgBouncer in transaction mode; where it is installed."""

from pathlib import Path

import pytest
from django.db import connection, transaction

from config.db.intent import Intent, use
from config.db.retry import write
from config.dev.proxy import Proxy
from config.dev.servers import Postgres
from tests.bench import bouncer
from tests.db.conftest import Elsewhere, Thing, insert, names

pytestmark = pytest.mark.skipif(bouncer.program() is None, reason="PgBouncer is not installed")


def test_reads_and_writes(
    own_postgres: Postgres, private_folder: Path, elsewhere: Elsewhere
) -> None:
    with bouncer.bouncing(own_postgres, private_folder / "bouncer", size=2) as url:
        port = url.rpartition(":")[2].split("/")[0]
        params = own_postgres.params() | {"host": "127.0.0.1", "port": port}
        db = elsewhere(params, pools=2, pool_size=2, write_reserve=1)
        with db.schema_editor() as editor:
            editor.create_model(Thing)
        write(insert)("one")
        with use(Intent.READ), transaction.atomic():
            assert names() == ["one"]
            assert [thing.name for thing in Thing.objects.iterator()] == ["one"]
        with connection.cursor() as cursor:
            cursor.execute("SHOW statement_timeout")
            # What travels as a start-up parameter is for the role to set.
            assert cursor.fetchone() == ("0",)


def test_a_lost_commit_is_learned(
    own_postgres: Postgres, private_folder: Path, elsewhere: Elsewhere
) -> None:
    with bouncer.bouncing(own_postgres, private_folder / "bouncer", size=2) as url:
        port = int(url.rpartition(":")[2].split("/")[0])
        with Proxy(("127.0.0.1", port)) as proxy:
            params = own_postgres.params() | {"host": "127.0.0.1", "port": str(proxy.port)}
            db = elsewhere(params, pools=1, pool_size=2, write_reserve=1)
            with db.schema_editor() as editor:
                editor.create_model(Thing)
            cut = proxy.cut_after(b"COMMIT")
            write(insert)("once")
            assert cut.wait()
            assert names() == ["once"]
            assert db.group.resolved == 1
