"""The proxy breaks what it should, when it should, and nothing else."""

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
import redis

from config.db.probe import answers
from config.dev.proxy import Proxy
from config.dev.servers import Postgres, Valkey


@pytest.fixture
def connection(own_postgres: Postgres, proxy: Proxy) -> Iterator[psycopg.Connection]:
    """A connection through the proxy."""
    with contextlib.closing(psycopg.connect(**own_postgres.params(port=proxy.port))) as opened:
        opened.execute("CREATE TABLE written (number int)")
        opened.commit()
        yield opened


def rows(server: Postgres) -> int:
    with psycopg.connect(**server.params()) as direct:
        found = direct.execute("SELECT count(*) FROM written").fetchone()
    assert found is not None
    return int(found[0])


def test_cut_before_loses_the_request(
    own_postgres: Postgres, proxy: Proxy, connection: psycopg.Connection
) -> None:
    connection.execute("INSERT INTO written VALUES (1)")
    cut = proxy.cut_before(b"COMMIT")
    with pytest.raises(psycopg.OperationalError):
        connection.commit()
    assert cut.wait()
    assert rows(own_postgres) == 0


def test_cut_after_loses_only_the_answer(
    own_postgres: Postgres, proxy: Proxy, connection: psycopg.Connection
) -> None:
    connection.execute("INSERT INTO written VALUES (1)")
    cut = proxy.cut_after(b"COMMIT", answer=b"COMMIT")
    with pytest.raises(psycopg.OperationalError):
        connection.commit()
    assert cut.wait()
    assert rows(own_postgres) == 1


def test_a_cut_waits_for_its_bytes_and_comes_once(
    own_postgres: Postgres, proxy: Proxy, connection: psycopg.Connection
) -> None:
    cut = proxy.cut_before(b"ROLLBACK")
    connection.execute("INSERT INTO written VALUES (1)")
    connection.commit()
    assert not cut.fired.is_set()
    connection.execute("INSERT INTO written VALUES (2)")
    with pytest.raises(psycopg.OperationalError):
        connection.rollback()
    assert cut.wait()
    with psycopg.connect(**own_postgres.params(port=proxy.port)) as again:
        again.execute("INSERT INTO written VALUES (3)")
        again.rollback()
    assert rows(own_postgres) == 1


def test_cut_drops_every_connection_and_accepts_new_ones(
    own_postgres: Postgres, proxy: Proxy, connection: psycopg.Connection
) -> None:
    proxy.cut()
    with pytest.raises(psycopg.OperationalError):
        connection.execute("SELECT 1")
    psycopg.connect(**own_postgres.params(port=proxy.port)).close()
    assert proxy.accepted == 2


def test_a_blackhole_accepts_and_keeps_silent_until_healed(
    own_postgres: Postgres, proxy: Proxy, connection: psycopg.Connection
) -> None:
    proxy.blackhole()
    with ThreadPoolExecutor(1) as background:
        written = background.submit(connection.execute, "INSERT INTO written VALUES (1)")
        assert not answers("127.0.0.1", proxy.port, probe_timeout=0.2)
        assert not written.done()
        proxy.heal()
        written.result(timeout=5)
    connection.commit()
    assert rows(own_postgres) == 1
    assert answers("127.0.0.1", proxy.port, probe_timeout=5)


def test_stopped_it_refuses_and_started_it_is_at_the_same_port(
    own_postgres: Postgres, proxy: Proxy, connection: psycopg.Connection
) -> None:
    proxy.stop()
    with pytest.raises(psycopg.OperationalError):
        connection.execute("SELECT 1")
    with pytest.raises(psycopg.OperationalError, match="refused"):
        psycopg.connect(**own_postgres.params(port=proxy.port))
    proxy.start()
    psycopg.connect(**own_postgres.params(port=proxy.port)).close()


def test_a_server_that_is_away_closes_the_connection(own_postgres: Postgres, proxy: Proxy) -> None:
    own_postgres.stop()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(**own_postgres.params(port=proxy.port))


def test_it_forwards_to_a_unix_socket(own_postgres: Postgres) -> None:
    with (
        Proxy(str(own_postgres.socket)) as proxy,
        psycopg.connect(**own_postgres.params(port=proxy.port)) as connection,
    ):
        assert connection.execute("SELECT repeat('x', 1000000)").fetchone() == ("x" * 1_000_000,)


def test_it_stands_before_valkey(own_valkey: Valkey, valkey_proxy: Proxy) -> None:
    with redis.Redis.from_url(own_valkey.url(port=valkey_proxy.port)) as client:
        assert client.ping()
        valkey_proxy.stop()
        with pytest.raises(redis.ConnectionError):
            client.ping()
