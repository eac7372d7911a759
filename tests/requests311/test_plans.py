"""Reads of growing tables go through their index: no scan and no sort of a whole table."""

import json
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import User
from api.requests.listing import RequestsPage
from requests311.actors import Actor
from requests311.announce import leftovers
from requests311.conditions import Condition
from requests311.map.features import collection
from requests311.map.filters import Filters
from requests311.map.tiles import tile
from requests311.map.world import Box
from requests311.models import (
    Connector,
    Department,
    Event,
    Forward,
    Photo,
    RoutingRule,
    ServiceRequest,
    Webhook,
    WebhookDelivery,
)
from requests311.photos import variants
from requests311.policies import Role
from requests311.queries import georeport, queue
from requests311.queries.documents import Documents, request_documents
from requests311.queries.georeport import Selection
from requests311.queries.rule_preview import LOOKED_AT, newest_about
from requests311.queries.timeline import statement
from requests311.statuses import Status
from tests.factories.cities import SmallCity, person, small_city
from tests.factories.people import guest
from tests.requests311.map_rows import tile_of
from tests.requests311.reporting import photo, report

pytestmark = pytest.mark.django_db

ROWS = 5000


def multiply(model: type[Any], **columns: str) -> None:
    """Copies the only row; `columns` are SQL over `i`, the number of the copy."""
    table = model._meta.db_table
    names = [field.column for field in model._meta.concrete_fields]
    values = ", ".join(columns.get(name, name) for name in names)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(names)}) SELECT {values} FROM {table} t, generate_series(1, %s) i", [ROWS]
        )
        cursor.execute(f"ANALYZE {table}")


def analyze_all() -> None:
    """Every table of ours: one that PostgreSQL never looked at counts as ten pages full of rows."""
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {', '.join(connection.introspection.table_names())}")


ID = "(lpad(to_hex(i), 8, '0') || '-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid"


@pytest.fixture
def city() -> SmallCity:
    """Years of reports: most closed, most of one department, the city's whole square covered."""
    made = small_city()
    row = report(made, guest())
    few = "CASE WHEN i %% 50 = 0 THEN {} ELSE {} END"
    multiply(
        ServiceRequest,
        id=ID,
        number="'N' || lpad(i::text, 8, '0')",
        status=few.format("'submitted'", "'closed'"),
        closed_at=few.format("NULL", "submitted_at"),
        service_id=few.format(made.services["graffiti"].pk, "service_id"),
        department_id=few.format(made.departments["parks"].pk, "department_id"),
        reporter_id=few.format("reporter_id", "NULL"),
        updated_at="updated_at - make_interval(mins => i)",
        submitted_at="submitted_at - make_interval(mins => i)",
        location="ST_SetSRID(ST_MakePoint(-100 + (i %% 100) * 0.002, 40 + (i / 100) * 0.004), 4326)",
    )
    assert row.reporter is not None
    analyze_all()
    return made


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


def indexes(sql: str, params: Any, table: str, *, sorted_at_most: float = ROWS / 10) -> set[str]:
    """Indexes that the plan takes; fails where it reads the table or sorts more rows than this."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", params)
        [[[explained]]] = cursor.fetchall()
    found = list(nodes(explained["Plan"]))
    text = json.dumps(explained, indent=1)
    for node in found:
        assert not (node["Node Type"] == "Seq Scan" and node["Relation Name"] == table), text
        if node["Node Type"] in ("Sort", "Incremental Sort"):
            assert max(child["Plan Rows"] for child in node["Plans"]) <= sorted_at_most, text
    return {node["Index Name"] for node in found if "Index Name" in node}


def list_indexes(actor: Actor, **query: Any) -> set[str]:
    page = RequestsPage(actor, {"limit": 50, "mine": False, **query})
    documents = request_documents(
        *page.conditions, lead=page.lead, actor=actor, base_url="", limit=51, order=page.order
    )
    # Of each pair of a lead a page at most, however large the table is.
    pages = 51 * len(page.lead.rows) if page.lead else 0
    return indexes(documents.sql, documents.params, "requests311_servicerequest", sorted_at_most=max(pages, ROWS / 10))


class TestList:
    @pytest.mark.parametrize("role", [None, Role.DISPATCHER, Role.CREW])
    def test_newest_first(self, city: SmallCity, role: Role | None) -> None:
        department = "roads" if role == Role.CREW else None
        actor = Actor(person(role=role, city=city, department=department) if role else None)
        assert "requests311_servicerequest_pkey" in list_indexes(actor)

    def test_by_status(self, city: SmallCity) -> None:
        assert "request_status" in list_indexes(Actor(None), status=["submitted"])

    def test_by_service(self, city: SmallCity) -> None:
        assert list_indexes(Actor(None), service="graffiti") & {"request_service_status"}

    def test_by_department(self, city: SmallCity) -> None:
        found = list_indexes(Actor(None), department="parks")
        assert found & {"request_department_status"}

    def test_of_a_reporter(self, city: SmallCity) -> None:
        reporter = User.objects.get(is_guest=True)
        assert "request_reporter" in list_indexes(Actor(reporter), mine=True)

    def test_changed_since(self, city: SmallCity) -> None:
        newest = ServiceRequest.objects.order_by("-updated_at")[60].updated_at
        assert "request_updated" in list_indexes(Actor(None), updated_after=newest)

    def test_in_a_box(self, city: SmallCity) -> None:
        box = (-99.95, 40.05, -99.94, 40.06)
        [index] = [name for name in list_indexes(Actor(None), bbox=box) if "location" in name]
        assert index.startswith("requests311_servicerequest_location")


class TestQueue:
    """A third is open, half of that in one department: a page reads a page of each department, however much is open."""

    SORTS = (queue.Sort.DUE, queue.Sort.AGE, queue.Sort.PRIORITY, queue.Sort.DISTANCE)
    TAKEN: ClassVar[dict[queue.Sort, str]] = {
        queue.Sort.DUE: "request_queue_due",
        queue.Sort.AGE: "request_queue_priority",
        queue.Sort.PRIORITY: "request_queue_priority",
        queue.Sort.DISTANCE: "request_queue_distance",
    }
    PLACE = (-99.9, 40.1)

    @pytest.fixture
    def city(self) -> SmallCity:
        made = small_city()
        report(made, guest())
        few = "CASE WHEN i %% 3 = 0 THEN {} ELSE {} END"
        departments = ", ".join(str(made.departments[code].pk) for code in ("roads-west", "parks", "desk", "roads"))
        multiply(
            ServiceRequest,
            id=ID,
            number="'N' || lpad(i::text, 8, '0')",
            status=few.format("'submitted'", "'closed'"),
            closed_at=few.format("NULL", "submitted_at"),
            department_id=f"(ARRAY[{departments}])[CASE WHEN i %% 6 = 0 THEN 1 ELSE 1 + i / 3 %% 4 END]",
            due_at="CASE WHEN i %% 21 = 0 THEN NULL ELSE submitted_at + make_interval(mins => i %% 977) END",
            priority="1 + i %% 4",
            location="ST_SetSRID(ST_MakePoint(-100 + (i %% 100) * 0.002, 40 + (i / 100) * 0.004), 4326)",
        )
        analyze_all()
        return made

    @staticmethod
    def page(actor: Actor, sort: queue.Sort, after: tuple[str, UUID] | None, **filters: Any) -> Documents:
        return queue.documents(
            queue.departments_of(actor),
            actor=actor,
            filters=queue.Filters(**filters),
            sort=sort,
            near=TestQueue.PLACE,
            after=after,
            limit=51,
            base_url="",
        )

    @pytest.mark.parametrize("sort", SORTS)
    @pytest.mark.parametrize("role", [Role.CREW, Role.DISPATCHER])
    def test_every_order(self, city: SmallCity, role: Role, sort: queue.Sort) -> None:
        actor = Actor(person(role=role, city=city, department="roads-west" if role == Role.CREW else None))
        pages = 51 * len(queue.departments_of(actor)) * (4 if sort is queue.Sort.AGE else 1)
        after = None
        # The first page, and one in the middle.
        for _ in range(2):
            found = self.page(actor, sort, after)
            assert "OFFSET" not in found.sql
            taken = indexes(found.sql, found.params, "requests311_servicerequest", sorted_at_most=pages + 1)
            assert self.TAKEN[sort] in taken
            assert "request_department_status" not in taken
            last = found.page(50).last
            assert last is not None
            after = (last[0] or "", UUID(last[1]))

    def test_many_departments_are_searched_at_once_for_the_nearest(self, city: SmallCity) -> None:
        for number in range(queue.MANY):
            Department.objects.create(jurisdiction=city.jurisdiction, code=f"unit-{number}", name="Unit")
        found = self.page(Actor(person(role=Role.DISPATCHER, city=city)), queue.Sort.DISTANCE, None)
        assert "unnest" not in found.sql.partition("AS chosen")[0].partition("r.department_id")[0]
        taken = indexes(found.sql, found.params, "requests311_servicerequest", sorted_at_most=52)
        assert "request_queue_distance" in taken

    @pytest.mark.parametrize(
        "filters",
        [
            {"overdue": True},
            {"overdue": False},
            {"unassigned": True},
            {"service": "pothole"},
            {"team": "none"},
            {"priorities": [1]},
            {"statuses": ["submitted"]},
            {"text": "pothole"},
            {"area": (None, "west")},
        ],
        ids=str,
    )
    def test_no_filter_reads_what_is_closed(self, city: SmallCity, filters: dict[str, Any]) -> None:
        actor = Actor(person(role=Role.DISPATCHER, city=city))
        found = self.page(actor, queue.Sort.DUE, None, **filters)
        taken = indexes(found.sql, found.params, "requests311_servicerequest")
        assert any(name.startswith(("request_queue_", "request_department_status")) for name in taken), taken


@pytest.mark.django_db(transaction=True)
class TestCounts:
    @pytest.fixture(autouse=True)
    def written(self) -> Iterator[None]:
        """VACUUM calls a page visible to all when its rows' commit is in the log: here that is else put off."""
        with connection.cursor() as cursor:
            # A small table is as quickly read in other ways.
            cursor.execute("SET synchronous_commit = on; SET enable_bitmapscan = off; SET enable_seqscan = off")
        yield
        with connection.cursor() as cursor:
            cursor.execute("RESET synchronous_commit; RESET enable_bitmapscan; RESET enable_seqscan")

    @staticmethod
    def all_visible() -> bool:
        """Not while an autovacuum still looks at an older state of anything here."""
        with connection.cursor() as cursor:
            cursor.execute("VACUUM (ANALYZE) requests311_servicerequest")
            cursor.execute("SELECT relallvisible = relpages FROM pg_class WHERE relname = 'requests311_servicerequest'")
            visible = bool(cursor.fetchone()[0])
        if not visible:
            time.sleep(0.1)
        return visible

    def test_an_index_alone(self) -> None:
        """VACUUM, which says what needs no look at the table, runs in no transaction."""
        made = small_city()
        report(made, guest())
        multiply(
            ServiceRequest,
            id=ID,
            number="'N' || lpad(i::text, 8, '0')",
            status="CASE WHEN i %% 10 = 0 THEN 'submitted' ELSE 'closed' END",
            closed_at="CASE WHEN i %% 10 = 0 THEN NULL ELSE submitted_at END",
        )
        assert any(self.all_visible() for _ in range(100)), "no VACUUM made the table visible to all"
        for role, department in ((Role.CREW, "roads-west"), (Role.DISPATCHER, None)):
            actor = Actor(person(role=role, city=made, department=department))
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN (FORMAT JSON) {queue.COUNTS}", [None, queue.departments_of(actor)])
                [[[explained]]] = cursor.fetchall()
            found = [node for node in nodes(explained["Plan"]) if "scan" in node["Node Type"].lower()]
            taken = [(node["Node Type"], node.get("Index Name")) for node in found]
            assert taken == [("Index Only Scan", "request_queue_due")], explained


class TestGeoReport:
    """Open311's lists: rows are counted off, and filtered, in the index alone."""

    def indexes_of(self, *conditions: Condition, **changes: Any) -> set[str]:
        selection = Selection(
            [Condition("{r}.visibility = 'public'"), *conditions], **{"limit": 50, "skip": 4000, **changes}
        )
        return indexes(selection.sql(), selection.params(), "requests311_servicerequest")

    def test_a_page_far_down(self, city: SmallCity) -> None:
        now = timezone.now()
        window = Condition("{r}.submitted_at BETWEEN %s AND %s", now - timedelta(days=90), now)
        with connection.cursor() as cursor:
            # Of rows that no VACUUM has seen yet the index alone tells nothing, and so few are sorted as quickly, also
            # out of another index: what is held is that this one gives the order.
            cursor.execute("SET LOCAL enable_bitmapscan = off; SET LOCAL enable_seqscan = off")
            cursor.execute("SET LOCAL enable_sort = off; SET LOCAL enable_incremental_sort = off")
        assert self.indexes_of(window) == {"request_by_time"}

    def test_what_changed_last(self, city: SmallCity) -> None:
        newest = ServiceRequest.objects.order_by("-updated_at")[60].updated_at
        changed = Condition("{r}.updated_at BETWEEN %s AND %s", newest, timezone.now())
        assert self.indexes_of(changed, order=georeport.NEWEST_CHANGE_FIRST, skip=0) == {"request_updated"}

    def test_the_nearest(self, city: SmallCity) -> None:
        [index] = self.indexes_of(order=georeport.nearest_first(-99.9, 40.1), skip=0)
        assert index.startswith("requests311_servicerequest_location")


@pytest.mark.parametrize("service", ["graffiti", None])
def test_what_a_rule_can_be_about(city: SmallCity, service: str | None) -> None:
    rule = RoutingRule(service=city.services[service] if service else None)
    with connection.cursor() as cursor:
        # A fifth of this small table is wanted, which is quicker read as a whole.
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
    pages = LOOKED_AT * len(Status) * len(city.services)
    found = indexes(*newest_about(city.jurisdiction, [rule]), "requests311_servicerequest", sorted_at_most=pages)
    assert {"request_service_status", "requests311_servicerequest_pkey"} <= found


def test_by_number(city: SmallCity) -> None:
    query = ServiceRequest.objects.visible_to(Actor(None)).by_id_or_number("0000-0000").values_list("pk")
    [index] = indexes(*query.query.sql_with_params(), "requests311_servicerequest")
    assert index.startswith("requests311_servicerequest_number")


class TestEvents:
    @pytest.fixture(autouse=True)
    def events(self, city: SmallCity) -> None:
        """One of each request, every five hundredth still to be told."""
        multiply(Event, id=ID, request_id=ID, announced_at="CASE WHEN i %% 500 = 0 THEN NULL ELSE at END")

    def test_those_that_are_not_announced(self) -> None:
        query = Event.objects.filter(announced_at=None).order_by("id").values_list("pk")[:500]
        assert "event_not_announced" in indexes(*query.query.sql_with_params(), "requests311_event")
        assert len(leftovers(500)) == 11

    @pytest.mark.parametrize("role", [None, Role.DISPATCHER])
    def test_of_one_request(self, city: SmallCity, role: Role | None) -> None:
        actor = Actor(person(role=role, city=city) if role else None)
        found = indexes(*statement("0000-0000", actor=actor), "requests311_event")
        assert any(name.startswith(("event_one_per_version", "requests311_event_request_id")) for name in found)


def test_photos_that_wait(city: SmallCity) -> None:
    photo(guest())
    multiply(
        Photo,
        id=ID,
        state="CASE WHEN i %% 100 = 0 THEN 'pending' ELSE 'rejected' END",
        reason="'corrupt'",
        created_at="created_at - make_interval(mins => i)",
    )
    query = Photo.objects.filter(state="pending", created_at__lt=timezone.now()).order_by("created_at")
    assert "photo_pending" in indexes(*query.values_list("pk")[:50].query.sql_with_params(), "requests311_photo")
    assert len(variants.pending_ids(older_than=timedelta(seconds=30), limit=100)) == 50


class TestMap:
    """Tiles, boxes and hot spots: never a scan of the requests, whatever the zoom and the filters."""

    @pytest.fixture
    def taken(self, city: SmallCity, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[set[str]]]:
        """Indexes of every statement that the map runs from now on."""
        from requests311.map import counts

        counts.recount()
        found: list[set[str]] = []

        def explained(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            if not sql.startswith("EXPLAIN"):
                found.append(indexes(sql, params, "requests311_servicerequest"))
            return execute(sql, params, many, context)

        with connection.execute_wrapper(explained):
            yield found

    @pytest.mark.parametrize("days", [None, 1, 2000])
    def test_tiles(self, taken: list[set[str]], days: int | None) -> None:
        since = timezone.now() - timedelta(days=days) if days else None
        for z in (0, 6, 11, 13, 14, 16, 18, 20):
            taken.clear()
            place = tile_of(-99.9, 40.1, z)
            tile(place, Filters(since=since))
            tile(place, Filters(since=since, service=["graffiti"], status=["submitted"]))
            assert len(taken) == 2
            if z >= 14:
                assert all("request_map_cell" in names for names in taken), z
            elif days:
                assert all(any(name.startswith("request_") for name in names) for names in taken), z

    def test_boxes(self, taken: list[set[str]]) -> None:
        for size in (0.001, 0.01, 0.2):
            taken.clear()
            collection(Box.parts(-99.95, 40.05, -99.95 + size, 40.05 + size), Filters(), 100)
            collection(Box.parts(-99.95, 40.05, -99.95 + size, 40.05 + size), Filters(status=["submitted"]), 100)
            assert len(taken) == 2


class TestForwards:
    """Years of forwards, nearly all accepted and closed there."""

    @pytest.fixture
    def connector(self, city: SmallCity) -> Connector:
        made = Connector.objects.create(department=city.departments["roads"], kind="open311", url="https://x.example")
        one = Forward.objects.create(
            request=ServiceRequest.objects.order_by("pk")[0],
            connector=made,
            state="accepted",
            sent_at=timezone.now(),
            remote_status="closed",
        )
        table, now = Forward._meta.db_table, timezone.now()
        names = [str(field.column) for field in Forward._meta.concrete_fields]
        changed = {
            "id": "r.id",
            "request_id": "r.id",
            "remote_id": "'B-' || r.number",
            "state": "CASE WHEN r.status = 'submitted' THEN 'waiting' ELSE 'accepted' END",
            "remote_status": "CASE WHEN r.number LIKE '%%7' AND r.number LIKE 'N000%%' THEN 'open' ELSE 'closed' END",
        }
        values = ", ".join(changed.get(name, f"f.{name}") for name in names)
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {table} ({', '.join(names)}) SELECT {values} FROM {table} f, requests311_servicerequest r"
                " WHERE r.id <> f.request_id AND f.id = %s AND %s::timestamptz IS NOT NULL",
                [one.pk, now],
            )
        analyze_all()
        return made

    def taken(self, rows: "QuerySet[Any]") -> set[str]:
        """By the plan that fits all values, which is the one that a prepared statement has."""
        sql, params = rows.query.sql_with_params()
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        return indexes(sql, params, Forward._meta.db_table)

    def test_what_is_due(self, connector: Connector) -> None:
        due = Forward.objects.due(timezone.now()).filter(connector=connector.pk).order_by("next_attempt_at")
        assert "forward_due" in self.taken(due[:1])

    def test_what_is_stuck(self, connector: Connector) -> None:
        assert "forward_stuck" in self.taken(Forward.objects.stuck().order_by("created_at"))

    def test_by_their_id(self, connector: Connector) -> None:
        known = Forward.objects.known_as(["B-1", "B-2"]).filter(connector=connector.pk)
        assert "forward_remote_id" in self.taken(known)

    def test_what_is_polled(self, connector: Connector) -> None:
        polled = Forward.objects.polled().filter(connector=connector.pk, checked_at__lt=timezone.now())
        assert "forward_polled" in self.taken(polled.order_by("checked_at")[:50])


class TestWebhooks:
    """Weeks of deliveries, nearly all delivered."""

    @pytest.fixture
    def webhook(self, city: SmallCity) -> Webhook:
        made, *_ = [
            Webhook.objects.create(jurisdiction=city.jurisdiction, url="https://x.example", secret="whsec_bmV3")
            for _ in range(50)
        ]
        WebhookDelivery.objects.create(webhook=made, event=None)
        state = "CASE WHEN i %% 100 = 0 THEN 'pending' WHEN i %% 100 = 1 THEN 'dead' ELSE 'delivered' END"
        multiply(
            WebhookDelivery,
            id=ID,
            webhook_id="(SELECT id FROM requests311_webhook ORDER BY id OFFSET (i %% 47) LIMIT 1)",
            state=state,
            last_error="'No.'",
            delivered_at="CASE WHEN i %% 100 > 1 THEN now() END",
        )
        analyze_all()
        return made

    def taken(self, rows: "QuerySet[Any]") -> set[str]:
        """By the plan that fits all values, which is the one that a prepared statement has."""
        sql, params = rows.query.sql_with_params()
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        return indexes(sql, params, WebhookDelivery._meta.db_table)

    def test_what_is_due(self, webhook: Webhook) -> None:
        due = WebhookDelivery.objects.due(timezone.now()).filter(webhook=webhook.pk)
        assert "webhook_delivery_due" in self.taken(due.order_by("next_attempt_at", "pk")[:1])

    def test_what_waits_too_long(self, webhook: Webhook) -> None:
        late = WebhookDelivery.objects.pending().filter(webhook__active=True, waiting_since__lt=timezone.now())
        assert "webhook_delivery_due" in self.taken(late[:500])

    def test_the_newest(self, webhook: Webhook) -> None:
        newest = WebhookDelivery.objects.filter(webhook=webhook.pk, pk__lt=webhook.pk).order_by("-pk")
        assert "webhook_delivery_newest" in self.taken(newest[:51])

    def test_the_newest_of_the_dead(self, webhook: Webhook) -> None:
        assert "webhook_delivery_dead" in self.taken(
            WebhookDelivery.objects.dead().filter(webhook=webhook.pk).order_by("-pk")[:51]
        )
