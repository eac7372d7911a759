"""No migration of ours holds up a big table: what PostgreSQL would do for long under a lock is refused here."""

import re
from collections.abc import Iterator

import pytest
from django.db import connection
from django.db.migrations import Migration
from django.db.migrations.loader import MigrationLoader

APPS = {"accounts", "geo", "notifications", "requests311", "api"}

#: They grow without end.
BIG = {
    "requests311_servicerequest",
    "requests311_event",
    "requests311_photo",
    "requests311_forward",
    "requests311_receivedupdate",
    "requests311_webhookdelivery",
    "notifications_message",
    "notifications_delivery",
}

#: (app, migration) → why it may do what is refused below. A person has looked at it.
LOOKED_AT: dict[tuple[str, str], str] = {}

_TABLE = rf'(?:ONLY\s+)?(?:"?public"?\.)?"?(?:{"|".join(sorted(BIG))})"?\b'
_ALTER = rf"\bALTER\s+TABLE\s+(?:IF\s+EXISTS\s+)?{_TABLE}.*"
_VOLATILE = r"\b(?:clock_timestamp|timeofday|random|gen_random_uuid|uuid_generate\w*|nextval|pg_sleep|setseed)\s*\("

#: What is refused on a big table, and the way out.
REFUSED: list[tuple[str, str]] = [
    (
        rf"\bCREATE\s+(?:UNIQUE\s+)?INDEX\s+(?!CONCURRENTLY\b).*\bON\s+{_TABLE}",
        "writers wait while the index is built: AddIndexConcurrently, in a migration of its own with atomic = False;"
        " a new foreign key takes db_index=False and its index in Meta.indexes",
    ),
    (
        rf"{_ALTER}\bADD\s+CONSTRAINT\b(?:(?!\bADD\s+COLUMN\b).)*\b(?:CHECK|FOREIGN\s+KEY)\b(?!.*\bNOT\s+VALID\b)",
        "writers wait while every row is checked: AddConstraintNotValid, and ValidateConstraint in the next migration",
    ),
    (
        rf"{_ALTER}\bADD\s+CONSTRAINT\b.*\b(?:UNIQUE|PRIMARY\s+KEY|EXCLUDE)\b(?!.*\bUSING\s+INDEX\b)",
        "writers wait while its index is built: CREATE UNIQUE INDEX CONCURRENTLY, then ADD CONSTRAINT … USING INDEX",
    ),
    (
        rf"{_ALTER}\bADD\s+COLUMN\b(?=.*\bNOT\s+NULL\b)(?!.*\bDEFAULT\b)",
        "fails where there are rows: null=True, or db_default",
    ),
    (
        rf"{_ALTER}\bADD\s+COLUMN\b(?:.*\bDEFAULT\b.*{_VOLATILE}|.*\bGENERATED\b|\s+\S+\s+(?:big|small)?serial\b)",
        "writes the whole table anew: null=True, fill it in batches, then the default",
    ),
    (
        rf"{_ALTER}\bALTER\s+COLUMN\s+\S+\s+(?:SET\s+DATA\s+)?TYPE\b",
        "may write the whole table anew: a new column, or, where it does not, a word in LOOKED_AT",
    ),
    (
        rf"{_ALTER}\bALTER\s+COLUMN\s+\S+\s+SET\s+NOT\s+NULL\b",
        "reads every row under the strongest lock: a CHECK (… IS NOT NULL) NOT VALID that is validated first, and a"
        " word in LOOKED_AT",
    ),
    (
        rf"{_ALTER}\b(?:DROP\s+COLUMN|RENAME)\b|\bDROP\s+TABLE\s+(?:IF\s+EXISTS\s+)?{_TABLE}",
        "the release before still uses it: first a release that does not, then, with a word in LOOKED_AT, the drop",
    ),
    (
        rf"\b(?:VACUUM\s+FULL|CLUSTER|TRUNCATE(?:\s+TABLE)?|LOCK(?:\s+TABLE)?)\s+{_TABLE}"
        rf"|\bREINDEX\s+TABLE\s+(?!CONCURRENTLY\b){_TABLE}|{_ALTER}\bSET\s+(?:TABLESPACE|LOGGED|UNLOGGED)\b",
        "holds the table as long as it takes",
    ),
    (
        rf"^\s*(?:UPDATE|DELETE\s+FROM)\s+{_TABLE}",
        "holds every row it touches to the end: in batches, by a command or a task",
    ),
]


def refusals(statements: list[str], *, atomic: bool) -> Iterator[str]:
    """Why this migration may not be released; nothing for a good one."""
    # Bodies of functions are not run now.
    plain = [re.sub(r"\$(\w*)\$.*?\$\1\$", "''", statement, flags=re.DOTALL) for statement in statements]
    # A table that is made here is empty, and nobody waits for it.
    made = set(re.findall(r'CREATE TABLE "(\w+)"', "\n".join(plain)))
    for statement in plain:
        for table in made:
            statement = statement.replace(f'"{table}"', '"made_here"')
        for part in statement.split(";"):
            for pattern, way_out in REFUSED:
                if re.search(pattern, part, re.IGNORECASE | re.DOTALL):
                    yield f"{way_out}: {part.strip()}"
    text = "\n".join(plain)
    if not atomic and len(plain) > 1:
        yield "one statement in a migration that is not atomic: after a failure nobody knows which of them are done"
    if re.search(r"\bVALIDATE\s+CONSTRAINT\b", text, re.IGNORECASE) and len(plain) > 1:
        yield "VALIDATE CONSTRAINT alone in its migration: the locks of the others would be held while it reads"


def ours() -> Iterator[tuple[Migration, MigrationLoader]]:
    loader = MigrationLoader(connection, replace_migrations=False)
    for (app, name), migration in sorted(loader.disk_migrations.items()):
        if app in APPS and not name.startswith("0001_"):
            yield migration, loader


def sql_of(migration: Migration, loader: MigrationLoader) -> list[str]:
    collected = loader.collect_sql([(migration, False)])
    statements = [str(line) for line in collected if not str(line).startswith("--")]
    return [statement for statement in statements if statement.strip() not in {"BEGIN;", "COMMIT;", ""}]


@pytest.mark.django_db(transaction=True)
def test_every_migration_is_safe_while_the_city_works() -> None:
    found = {
        f"{migration.app_label}.{migration.name}: {reason}"
        for migration, loader in ours()
        if (migration.app_label, migration.name) not in LOOKED_AT
        for reason in refusals(sql_of(migration, loader), atomic=migration.atomic)
    }
    assert not found, "\n".join(sorted(found))


@pytest.mark.django_db(transaction=True)
def test_their_statements_are_seen() -> None:
    """Those of our own operations and of PostgreSQL's and pgtrigger's: none of them passes unread."""
    seen = {migration.name: " ".join(sql_of(migration, loader)) for migration, loader in ours()}
    assert "CREATE INDEX CONCURRENTLY" in seen["0005_request_history_kept"]
    assert 'ADD COLUMN "history_removed_at"' in seen["0004_retention"]
    assert "CREATE  TRIGGER" in seen["0004_retention"]


@pytest.mark.django_db
def test_what_was_looked_at_exists_and_says_why() -> None:
    names = {(migration.app_label, migration.name) for migration, _ in ours()}
    assert set(LOOKED_AT) <= names
    assert all(LOOKED_AT.values())


REQUEST = '"requests311_servicerequest"'
FOREIGN_KEY = (
    'CONSTRAINT "fk" REFERENCES "geo_area"("id") DEFERRABLE INITIALLY DEFERRED; SET CONSTRAINTS "fk" IMMEDIATE;'
)


@pytest.mark.parametrize(
    "statement",
    [
        f'CREATE INDEX "i" ON {REQUEST} ("status");',
        f'CREATE UNIQUE INDEX "i" ON public.{REQUEST} ("status");',
        "create index i on requests311_event using gin (data)",
        f'CREATE INDEX "i" ON {REQUEST} USING GIST ("location");',
        f'ALTER TABLE {REQUEST} ADD CONSTRAINT "c" CHECK ("version" > 0);',
        f'ALTER TABLE {REQUEST} ADD CONSTRAINT "c" FOREIGN KEY ("asset_id") REFERENCES "geo_asset" ("id");',
        f'ALTER TABLE {REQUEST} ADD CONSTRAINT "c" UNIQUE ("number");',
        f'ALTER TABLE ONLY {REQUEST} ADD COLUMN "c" integer NOT NULL;',
        f'ALTER TABLE {REQUEST} ADD COLUMN "c" uuid DEFAULT gen_random_uuid() NOT NULL;',
        f'ALTER TABLE {REQUEST} ADD COLUMN "c" bigserial;',
        f'ALTER TABLE {REQUEST} ADD COLUMN "c" integer GENERATED ALWAYS AS (version + 1) STORED;',
        f'ALTER TABLE {REQUEST} ALTER COLUMN "c" TYPE text USING "c"::text;',
        f'ALTER TABLE {REQUEST} ALTER COLUMN "c" SET NOT NULL;',
        f'ALTER TABLE {REQUEST} DROP COLUMN "c" CASCADE;',
        f'ALTER TABLE {REQUEST} RENAME COLUMN "c" TO "d";',
        f"DROP TABLE {REQUEST} CASCADE;",
        f"LOCK TABLE {REQUEST} IN SHARE MODE",
        "VACUUM FULL requests311_event",
        f"UPDATE {REQUEST} SET description = '';",
        "ALTER TABLE geo_area ADD COLUMN x int; CREATE INDEX i ON notifications_delivery (state)",
    ],
)
def test_refused(statement: str) -> None:
    assert list(refusals([statement], atomic=True))


@pytest.mark.parametrize(
    "statement",
    [
        f'CREATE INDEX CONCURRENTLY "i" ON {REQUEST} ("status");',
        f'CREATE UNIQUE INDEX CONCURRENTLY "i" ON {REQUEST} ("status");',
        # Nothing to check in a column that is empty everywhere: PostgreSQL knows, and does not look.
        f'ALTER TABLE {REQUEST} ADD COLUMN "area_id" integer NULL {FOREIGN_KEY}',
        f"ALTER TABLE {REQUEST} ADD COLUMN \"c\" varchar(40) DEFAULT '' NOT NULL;",
        f'ALTER TABLE {REQUEST} ADD COLUMN "c" timestamptz DEFAULT now() NOT NULL;',
        f'ALTER TABLE {REQUEST} ALTER COLUMN "c" DROP DEFAULT;',
        f'ALTER TABLE {REQUEST} ALTER COLUMN "c" DROP NOT NULL;',
        f'ALTER TABLE {REQUEST} ADD CONSTRAINT "c" CHECK ("version" > 0) NOT VALID;',
        f'ALTER TABLE {REQUEST} VALIDATE CONSTRAINT "c";',
        f'ALTER TABLE {REQUEST} ADD CONSTRAINT "c" UNIQUE USING INDEX "i";',
        f"ALTER TABLE {REQUEST} SET (fillfactor = 90)",
        'CREATE INDEX "i" ON "requests311_eventremoval" ("at");',
        'CREATE TABLE "requests311_event_note" ("id" uuid NOT NULL PRIMARY KEY);',
        "CREATE FUNCTION f() RETURNS trigger AS $$ BEGIN UPDATE requests311_event SET text = ''; END $$ LANGUAGE sql",
        'ALTER TABLE "geo_asset" ADD CONSTRAINT "c" FOREIGN KEY ("r") REFERENCES "requests311_servicerequest" ("id");',
    ],
)
def test_allowed(statement: str) -> None:
    assert not list(refusals([statement], atomic=True))


def test_a_table_that_is_made_here_is_empty() -> None:
    made = 'CREATE TABLE "requests311_event" ("id" uuid NOT NULL PRIMARY KEY);'
    index = 'CREATE INDEX "i" ON "requests311_event" ("id");'
    assert not list(refusals([made, index], atomic=True))
    assert list(refusals([made.replace("event", "event_note"), index], atomic=True))


def test_alone() -> None:
    index = f'CREATE INDEX CONCURRENTLY "i" ON {REQUEST} ("status");'
    assert not list(refusals([index], atomic=False))
    assert list(refusals([index, index], atomic=False))
    validate = f'ALTER TABLE {REQUEST} VALIDATE CONSTRAINT "c";'
    assert list(refusals([validate, f'ALTER TABLE {REQUEST} ADD COLUMN "c" text;'], atomic=True))
