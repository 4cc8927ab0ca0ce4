"""docs/roles.sql on a real server: every statement as every role, and the service as deals_app."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

import psycopg2
import pytest
from httpx import AsyncClient
from psycopg2 import errors
from psycopg2.extensions import connection

from app.auth.tokens import Scope, digest, new_key, public_id
from app.config import Settings
from app.db.session import transaction
from app.importer.generator import write_deals
from app.importer.pipeline import load_deals
from app.models import ApiKey
from app.repositories.api_keys import ApiKeyRepository
from tests.support.api_keys import HEADER, SECRET, with_keys
from tests.support.cli import assert_one_line_error, run_deals
from tests.support.clients import build_app, build_client, open_database
from tests.support.databases import connect
from tests.support.import_catalogue import ignore_progress
from tests.support.production_database import ProductionServer

pytestmark = pytest.mark.slow

ROLES: Final = ("deals_migrate", "deals_app", "deals_read", "deals_keys")
CATALOGUE: Final = ("hotels", "deals", "categories", "deal_categories")
OWNER: Final = {"deals_migrate"}
SERVICE: Final = {"deals_migrate", "deals_app"}
READERS: Final = {"deals_migrate", "deals_app", "deals_read"}
KEY_ADMINS: Final = {"deals_migrate", "deals_keys"}

_INSERT_HOTEL: Final = "INSERT INTO hotels (name, city, country, phone) VALUES ('A', 'B', 'C', '+1')"
_INSERT_OTHER_HOTEL: Final = "INSERT INTO hotels (name, city, country, phone) VALUES ('Z', 'B', 'C', '+2')"
_INSERT_DEAL: Final = (
    "INSERT INTO deals (hotel_id, room_type, star_rating, price_per_night, original_price, discount_percent,"
    " checkin_date, checkout_date) SELECT id, 'Suite', 5, 100, 120, 10, '2026-03-01', '2026-03-02' FROM hotels"
)
_INSERT_KEY: Final = (
    "INSERT INTO api_keys (public_id, name, digest, scopes)"
    " VALUES ('0123456789ab', 'me', sha256(''), ARRAY['deals:admin'])"
)
ALLOWED_ROLES: Final[dict[str, set[str]]] = {
    **dict.fromkeys((f"TABLE {table}" for table in (*CATALOGUE, "deal_rollup", "category_rollup")), READERS),
    "SELECT * FROM signing_keys": SERVICE,
    "SELECT * FROM alembic_version": READERS,
    "SELECT * FROM api_keys": SERVICE,
    "SELECT public_id, name, scopes, created_at, expires_at, revoked_at FROM api_keys": {*SERVICE, "deals_keys"},
    "SELECT digest FROM api_keys": SERVICE,
    "SELECT FROM idempotency_keys": SERVICE,
    "DELETE FROM idempotency_keys": SERVICE,
    _INSERT_HOTEL: SERVICE,
    "UPDATE hotels SET name = 'B'": SERVICE,
    "DELETE FROM hotels WHERE id < 0": SERVICE,
    _INSERT_DEAL: SERVICE,
    "UPDATE deals SET price_per_night = 1": SERVICE,
    "DELETE FROM deals": SERVICE,
    "SELECT FROM deals FOR UPDATE": SERVICE,
    "LOCK TABLE deals IN SHARE ROW EXCLUSIVE MODE": SERVICE,
    "INSERT INTO categories (name) VALUES ('spa')": SERVICE,
    "DELETE FROM categories WHERE id < 0": SERVICE,
    "INSERT INTO deal_categories SELECT deals.id, categories.id FROM deals, categories": SERVICE,
    "DELETE FROM deal_categories": SERVICE,
    "UPDATE deal_rollup SET deal_count = 0": OWNER,
    "DELETE FROM category_rollup": OWNER,
    "INSERT INTO deal_rollup VALUES (1, 1, true, 1, 1)": OWNER,
    _INSERT_KEY: KEY_ADMINS,
    "UPDATE api_keys SET revoked_at = now()": KEY_ADMINS,
    "UPDATE api_keys SET scopes = ARRAY['deals:admin']": OWNER,
    "UPDATE api_keys SET expires_at = NULL": OWNER,
    "DELETE FROM api_keys": OWNER,
    "UPDATE signing_keys SET key = ''": OWNER,
    "UPDATE alembic_version SET version_num = '1'": OWNER,
    "TRUNCATE deals, deal_categories": OWNER,
    "DROP TABLE deal_categories": OWNER,
    "ALTER TABLE deals DISABLE TRIGGER USER": OWNER,
    "CREATE TABLE mine (n int)": OWNER,
    "CREATE TEMPORARY TABLE mine (n int)": OWNER,
    "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'": OWNER,
    "SET LOCAL ROLE deals_owner": OWNER,
    "SET LOCAL session_replication_role = replica": set(),
    "CREATE SCHEMA mine": set(),
    "CREATE ROLE mine": set(),
    "COPY (SELECT 1) TO PROGRAM 'true'": set(),
    "SELECT pg_read_file('postgresql.conf')": set(),
    "SELECT rolpassword FROM pg_authid": set(),
    "SELECT lo_create(0)": set(),
    "SELECT lo_creat(-1)": set(),
    "SELECT lo_from_bytea(0, 'x')": set(),
    "SELECT lo_import('/etc/hostname')": set(),
    "SELECT lo_import('/etc/hostname', 4711)": set(),
    "SELECT lo_export(1, '/tmp/x')": set(),
    "SELECT lo_open(1, 131072)": set(),
    "SELECT lo_put(1, 0, 'x')": set(),
    "SELECT lo_get(1)": set(),
    "SELECT lowrite(0, 'x')": set(),
    "SELECT lo_unlink(1)": set(),
}
"""The roles that may execute each statement."""


@pytest.fixture(scope="module")
def catalogue(production: ProductionServer) -> Iterator[ProductionServer]:
    """One hotel with a deal, and one category."""
    production.grant_privileges()
    for statement in (_INSERT_OTHER_HOTEL, _INSERT_DEAL, "INSERT INTO categories (name) VALUES ('sea')"):
        production.execute(statement)
    yield production
    production.execute("TRUNCATE hotels, deals, categories, deal_categories CASCADE")


@pytest.fixture(scope="module")
def sessions(catalogue: ProductionServer) -> Iterator[dict[str, connection]]:
    """One session of each role."""
    sessions = {role: connect(catalogue.url(role)) for role in ROLES}
    yield sessions
    for session in sessions.values():
        session.close()


def is_allowed(session: connection, statement: str) -> bool:
    try:
        with session.cursor() as cursor:
            cursor.execute(statement)
    except (errors.InsufficientPrivilege, errors.ReadOnlySqlTransaction):
        return False
    finally:
        session.rollback()
    return True


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("statement", ALLOWED_ROLES)
def test_role_may_execute_only_its_statements(sessions: dict[str, connection], statement: str, role: str) -> None:
    assert is_allowed(sessions[role], statement) == (role in ALLOWED_ROLES[statement])


def test_read_role_cannot_write_in_a_read_write_transaction(sessions: dict[str, connection]) -> None:
    """A transaction that the role sets to READ WRITE still fails for lack of privileges."""
    with pytest.raises(errors.InsufficientPrivilege), sessions["deals_read"].cursor() as cursor:
        cursor.execute(f"SET TRANSACTION READ WRITE; {_INSERT_HOTEL}")
    sessions["deals_read"].rollback()


def test_every_table_is_covered(catalogue: ProductionServer) -> None:
    tables = catalogue.execute("SELECT string_agg(tablename, ' ') FROM pg_tables WHERE schemaname = 'public'").split()
    assert [table for table in tables if not any(table in statement for statement in ALLOWED_ROLES)] == []


def test_every_role_has_a_connection_limit(catalogue: ProductionServer) -> None:
    """The service leaves connections for the other roles."""
    limits = catalogue.execute(
        "SELECT string_agg(rolname || '=' || rolconnlimit, ' ' ORDER BY rolname) FROM pg_roles"
        " WHERE rolname LIKE 'deals%' AND rolcanlogin"
    )
    assert limits == "deals_app=90 deals_keys=5 deals_migrate=10 deals_read=5"


def test_no_function_for_large_objects_is_left_to_a_role(catalogue: ProductionServer) -> None:
    left = catalogue.execute(
        "SELECT count(*) FROM pg_proc, pg_roles WHERE proname ~ '^(lo_|loread|lowrite)' AND rolname LIKE 'deals%'"
        " AND pronamespace = 'pg_catalog'::regnamespace"
        " AND has_function_privilege(pg_roles.oid, pg_proc.oid, 'EXECUTE')"
    )
    assert left == "0"


def test_owner_cannot_log_in(catalogue: ProductionServer) -> None:
    with pytest.raises(psycopg2.OperationalError, match="not permitted to log in"):
        connect(catalogue.url("deals_owner"))


def test_all_tables_and_functions_belong_to_the_owner(catalogue: ProductionServer) -> None:
    """Functions included: a SECURITY DEFINER function must not run as a superuser."""
    others = catalogue.execute(
        "SELECT count(*) FROM (SELECT relowner AS owner FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        " UNION ALL SELECT proowner FROM pg_proc WHERE pronamespace = 'public'::regnamespace) AS objects"
        " WHERE owner <> 'deals_owner'::regrole"
    )
    assert others == "0"


def test_additional_privileges_are_revoked(catalogue: ProductionServer) -> None:
    catalogue.execute(
        "GRANT ALL ON deal_rollup, api_keys TO deals_app, PUBLIC; GRANT CREATE ON SCHEMA public TO PUBLIC;"
        " GRANT EXECUTE ON FUNCTION lo_create(oid) TO deals_app"
    )
    catalogue.execute("ALTER ROLE deals_app SUPERUSER; GRANT SELECT (digest) ON api_keys TO deals_keys")
    catalogue.grant_privileges()
    with connect(catalogue.url("deals_app")) as session:
        for statement in (
            "UPDATE deal_rollup SET deal_count = 0",
            _INSERT_KEY,
            "CREATE TABLE mine (n int)",
            "SELECT lo_create(0)",
        ):
            assert not is_allowed(session, statement), statement
    session.close()
    with connect(catalogue.url("deals_keys")) as session:
        assert not is_allowed(session, "SELECT digest FROM api_keys")
    session.close()


@pytest.fixture
async def client(catalogue: ProductionServer, settings: Settings) -> AsyncIterator[AsyncClient]:
    """A client with an API key; the service is connected as `deals_app`."""
    key = new_key()
    async with (
        open_database(catalogue.url("deals_keys"), settings) as database,
        transaction(database.sessions) as session,
    ):
        key_digest = digest(key, secret=SECRET.encode())
        row = ApiKey(public_id=public_id(key), name="a test", digest=key_digest, scopes=[Scope.ADMIN])
        await ApiKeyRepository(session).add(row)
    async with (
        open_database(catalogue.url("deals_app"), settings) as database,
        build_client(build_app(database, with_keys(settings)), headers={HEADER: key}) as client,
    ):
        yield client


async def test_service_works_with_the_privileges_of_its_role(client: AsyncClient) -> None:
    schemas = (await client.get("/openapi.json")).json()["components"]["schemas"]
    examples = {name: schema["examples"][0] for name, schema in schemas.items() if "examples" in schema}
    hotel = (await client.post("/hotels", json=examples["HotelCreate"])).raise_for_status()
    body = examples["DealCreate"] | {"hotel_id": hotel.json()["id"], "categories": ["luxury", "new here"]}
    deal = (await client.post("/deals", json=body)).raise_for_status()
    deal_url = deal.headers["location"]
    (await client.patch(deal_url, json={"price_per_night": 99, "categories": ["luxury"]})).raise_for_status()
    (await client.patch(hotel.headers["location"], json={"city": "Rome"})).raise_for_status()
    for path in (
        "/deals?city=rome",
        "/deals?city=rome&count=estimated",
        "/deals/stats",
        "/hotels?sort=min_price",
        "/categories",
        deal_url,
        "/health/ready",
    ):
        (await client.get(path)).raise_for_status()
    assert (await client.get("/deals?category=luxury")).json()["total"] == 1
    (await client.delete(deal_url)).raise_for_status()
    (await client.delete(hotel.headers["location"])).raise_for_status()


def test_import_works_with_the_privileges_of_the_migration_role(catalogue: ProductionServer, tmp_path: Path) -> None:
    file = tmp_path / "deals.csv"
    with file.open("w", encoding="utf-8", newline="") as out:
        write_deals(out, rows=20, seed=1)
    report = load_deals(file, dsn=catalogue.url("deals_migrate"), progress=ignore_progress)
    assert report.merged
    assert catalogue.execute("SELECT sum(deal_count) FROM deal_rollup") == "21"


@pytest.mark.parametrize(
    ("role", "command"),
    [
        *(("deals_keys", command) for command in ("migrate", "load", "verify", "purge")),
        ("deals_read", "purge"),
    ],
)
def test_command_without_privileges_is_reported_in_one_line(
    catalogue: ProductionServer, role: str, command: str
) -> None:
    result = run_deals(catalogue.url(role), command)
    assert_one_line_error(result, "The database's role lacks a privilege for this command; see docs/roles.md.")


@pytest.mark.parametrize("role", ["deals_app", "deals_read"])
def test_migration_without_privileges_is_reported_in_one_line(catalogue: ProductionServer, role: str) -> None:
    catalogue.execute("CREATE TABLE saved AS TABLE alembic_version", "UPDATE alembic_version SET version_num = '0001'")
    result = run_deals(catalogue.url(role), "migrate")
    catalogue.execute("UPDATE alembic_version SET version_num = saved.version_num FROM saved", "DROP TABLE saved")
    assert_one_line_error(result, "The database's role lacks a privilege for this command; see docs/roles.md.")


def test_read_role_verifies_the_rollups(catalogue: ProductionServer) -> None:
    result = run_deals(catalogue.url("deals_read"), "verify")
    assert (result.exit_code, result.stderr) == (0, "")
