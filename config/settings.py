"""Every setting, from the environment. The table of variables is in docs/operations.md.

A wrong or unsafe setting ends the program at start with one line per problem, exit code 78
(EX_CONFIG of sysexits.h), so that a city never runs half-configured.
"""

import json
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import dj_database_url
import django_stubs_ext
from environs import Env, EnvError

from config.geocoder import Geocoder, geocoder
from config.geodjango import library_paths
from config.logs import logging_settings
from config.mail import mail_settings
from config.storages import storage_settings

django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = BASE_DIR / "var"

env = Env()
problems: list[str] = []


def read(kind: str, name: str, default: Any) -> Any:
    """The value of a variable, or its default with the problem noted for the list at start."""
    try:
        return getattr(env, kind)(name, default)
    except EnvError as error:
        problems.append(f"{name}: {error}")
        return default


# --- Where we are ------------------------------------------------------------------------------

ENVIRONMENT: str = read("str", "ENVIRONMENT", "production")
if ENVIRONMENT not in {"development", "test", "production"}:
    problems.append(f"ENVIRONMENT: must be development, test or production, not {ENVIRONMENT!r}")
PRODUCTION = ENVIRONMENT not in {"development", "test"}

DEVELOPMENT_SECRET_KEY = "development-only-" + "0123456789abcdef" * 4
SECRET_KEY: str = read("str", "SECRET_KEY", "" if PRODUCTION else DEVELOPMENT_SECRET_KEY)
DEBUG: bool = read("bool", "DEBUG", False)
ALLOWED_HOSTS: list[str] = read(
    "list",
    "ALLOWED_HOSTS",
    [] if PRODUCTION else ["localhost", "127.0.0.1", "[::1]", "testserver", "10.0.2.2"],
)
#: What a phone or a browser calls this server, without a final slash. Empty: taken from the request.
PUBLIC_URL: str = read("str", "PUBLIC_URL", "").rstrip("/")
#: How many reverse proxies of ours stand before the web server; only that many X-Forwarded-For hops count.
TRUSTED_PROXIES: int = read("int", "TRUSTED_PROXIES", 0)
CSRF_TRUSTED_ORIGINS: list[str] = [PUBLIC_URL] if PUBLIC_URL else []

# --- Programs we talk to -----------------------------------------------------------------------

DATABASE_URL: str = read("str", "DATABASE_URL", "")
BROKER_URL: str = read("str", "BROKER_URL", "")
#: Rate limits live here; by default beside the broker when that is a Redis.
REDIS_URL: str = read("str", "REDIS_URL", BROKER_URL if BROKER_URL.startswith(("redis://", "rediss://")) else "")
#: Path of a service account's JSON file, or the JSON itself.
FIREBASE_CREDENTIALS: str = read("str", "FIREBASE_CREDENTIALS", "")
#: Base URL of the FCM emulator, development and test only. Empty: Google's.
FCM_ENDPOINT: str = read("str", "FCM_ENDPOINT", "").rstrip("/")
#: file:///directory or s3://bucket?region=…&endpoint=…
STORAGE_URL: str = read("str", "STORAGE_URL", "" if PRODUCTION else (VAR_DIR / "media").as_uri())

#: nominatim+https://…, photon+https://… or pelias+https://…: asked where the city's own addresses say too little.
GEOCODER_URL: str = read("str", "GEOCODER_URL", "")
GEOCODER: Geocoder | None = None
try:
    GEOCODER = geocoder(GEOCODER_URL)
except ValueError as error:
    problems.append(f"GEOCODER_URL: {error}")
#: One question to it ends after this many seconds, at most 10.
GEOCODER_TIMEOUT_SECONDS: float = read("float", "GEOCODER_TIMEOUT_SECONDS", 2.0)
if not 0 < GEOCODER_TIMEOUT_SECONDS <= 10:
    problems.append("GEOCODER_TIMEOUT_SECONDS: more than 0 and at most 10; a person is waiting")

#: What Open311's discovery tells developers: whom to ask, and where to get an API key. Empty: the jurisdictions' names.
OPEN311_CONTACT: str = read("str", "OPEN311_CONTACT", "")
OPEN311_KEY_SERVICE: str = read("str", "OPEN311_KEY_SERVICE", "")
#: smtp://user:password@host:587 (STARTTLS), smtps://… (TLS from the start), smtp+plain://host:25 (neither);
#: in development file:///directory, where each letter becomes a file.
EMAIL_URL: str = read("str", "EMAIL_URL", "")
try:
    EMAIL_BACKEND, EMAIL_OPTIONS = mail_settings(EMAIL_URL)
except ValueError as error:
    problems.append(f"EMAIL_URL: {error}")
    EMAIL_BACKEND, EMAIL_OPTIONS = mail_settings("")
EMAIL_HOST, EMAIL_PORT = EMAIL_OPTIONS.host, EMAIL_OPTIONS.port
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = EMAIL_OPTIONS.user, EMAIL_OPTIONS.password
EMAIL_FILE_PATH = EMAIL_OPTIONS.folder or None
EMAIL_USE_TLS, EMAIL_USE_SSL = EMAIL_OPTIONS.starttls, EMAIL_OPTIONS.tls
#: For every step of the conversation with the mail server.
EMAIL_TIMEOUT = 10
#: Whose letters they are.
DEFAULT_FROM_EMAIL: str = read("str", "EMAIL_FROM", "requests311@localhost")

#: Hosts on private addresses, as `host` or `host:port`, that a connector, a webhook or a media_url may name.
OUTBOUND_PRIVATE_HOSTS: list[str] = read("list", "OUTBOUND_PRIVATE_HOSTS", [])

if not DATABASE_URL:
    problems.append("DATABASE_URL: missing; postgres://user:password@host:5432/name (script/server makes one)")
if not BROKER_URL:
    problems.append("BROKER_URL: missing; redis://host:6379/0 or amqp://host (script/server makes one)")

# --- What production refuses -------------------------------------------------------------------

#: Plain HTTP is for a laptop; behind a TLS proxy the cookies of the admin travel encrypted only.
SECURE_COOKIES: bool = read("bool", "SECURE_COOKIES", PRODUCTION)

if PRODUCTION:
    if not SECRET_KEY:
        problems.append('SECRET_KEY: missing; python3 -c "import secrets; print(secrets.token_urlsafe(50))"')
    elif SECRET_KEY == DEVELOPMENT_SECRET_KEY:
        problems.append("SECRET_KEY: is the development key; production needs one of its own")
    elif len(SECRET_KEY) < 50 or len(set(SECRET_KEY)) < 5 or SECRET_KEY.startswith("django-insecure-"):
        problems.append("SECRET_KEY: too weak; at least 50 characters, random")
    if not ALLOWED_HOSTS:
        problems.append("ALLOWED_HOSTS: missing; the host names this server answers to, comma-separated")
    elif "*" in ALLOWED_HOSTS:
        problems.append("ALLOWED_HOSTS: '*' lets anybody choose our host name; name the hosts")
    if not FIREBASE_CREDENTIALS:
        problems.append("FIREBASE_CREDENTIALS: missing; path of the service account's JSON, or the JSON itself")
    elif not FIREBASE_CREDENTIALS.lstrip().startswith("{") and not Path(FIREBASE_CREDENTIALS).is_file():
        problems.append("FIREBASE_CREDENTIALS: no such file")
    elif FIREBASE_CREDENTIALS.lstrip().startswith("{"):
        try:
            json.loads(FIREBASE_CREDENTIALS)
        except ValueError:
            problems.append("FIREBASE_CREDENTIALS: neither a path nor valid JSON")
    if FCM_ENDPOINT:
        problems.append("FCM_ENDPOINT: is for development; production talks to Google")
    if EMAIL_URL.startswith("file:"):
        problems.append("EMAIL_URL: file: is for development; letters would reach nobody")
    if DEBUG:
        problems.append("DEBUG: must be off")
    if not SECURE_COOKIES:
        problems.append("SECURE_COOKIES: must be on; the admin's cookies may not travel over plain HTTP")
    if not STORAGE_URL:
        problems.append("STORAGE_URL: missing; file:///directory or s3://bucket?region=…")
    if PUBLIC_URL and not PUBLIC_URL.startswith("https://"):
        problems.append("PUBLIC_URL: must start with https://")
    if DATABASE_URL and dj_database_url.parse(DATABASE_URL, engine="x").get("PASSWORD") == "":
        # A socket or a certificate needs no password; a TCP connection to another machine does.
        host = dj_database_url.parse(DATABASE_URL, engine="x").get("HOST", "")
        if host and not host.startswith("/") and host not in {"localhost", "127.0.0.1", "::1"}:
            problems.append("DATABASE_URL: has no password for a database on another machine")

# --- Django ------------------------------------------------------------------------------------

GDAL_LIBRARY_PATH, GEOS_LIBRARY_PATH = library_paths()

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.gis",
    "django.contrib.postgres",
    "pgtrigger",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "accounts",
    "geo",
    "notifications",
    "requests311",
    "api",
]

MIDDLEWARE = [
    "config.middleware.RequestContext",
    "django.middleware.security.SecurityMiddleware",
    "config.middleware.Metrics",
    "config.middleware.PageSessions",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "config.middleware.PageAuthentication",
    "config.middleware.PageMessages",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
APPEND_SLASH = False

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "config" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

#: A thread of a web process keeps its connection; a worker's ends with the task. Set by `config.serve`.
DATABASE_KEEP_CONNECTIONS: bool = read("bool", "DATABASE_KEEP_CONNECTIONS", False)
#: Statements are prepared once a connection. Off for a pooler that cannot keep them apart (PgBouncer before 1.21).
DATABASE_PREPARE: bool = read("bool", "DATABASE_PREPARE", True)

DATABASES: dict[str, dict[str, Any]] = {}
if DATABASE_URL:
    try:
        DATABASES["default"] = {
            **dj_database_url.parse(DATABASE_URL, engine="config.database"),
            "CONN_HEALTH_CHECKS": True,
        }
        options = DATABASES["default"].setdefault("OPTIONS", {})
        options.setdefault("connect_timeout", 5)
        # Who waits longer than this for a row waits for something broken: better an error that says so.
        # No JIT: our statements take milliseconds, compiling one takes eighty.
        # One plan a prepared statement: ours are made so that the values do not matter, or have them written out,
        # and PostgreSQL would otherwise plan some of them anew at every call.
        asked = {
            "lock_timeout": "5000",
            "jit": "off",
            "plan_cache_mode": "force_generic_plan",
            "idle_in_transaction_session_timeout": "60000",
        }
        options.setdefault("options", " ".join(f"-c {name}={value}" for name, value in asked.items()))
        options.setdefault("application_name", "requests311")
        if DATABASE_KEEP_CONNECTIONS:
            DATABASES["default"]["CONN_MAX_AGE"] = None
        if DATABASE_PREPARE:
            # Planning the statement of one report takes PostgreSQL five times as long as running it.
            options.setdefault("server_side_binding", True)
            options.setdefault("prepare_threshold", 3)
    except (ValueError, KeyError) as error:
        problems.append(f"DATABASE_URL: {error}")

AUTH_USER_MODEL = "accounts.User"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_COOKIES
SESSION_COOKIE_HTTPONLY = True
SECURE_SSL_REDIRECT: bool = read("bool", "SECURE_SSL_REDIRECT", PRODUCTION)
SECURE_REDIRECT_EXEMPT = [r"^livez$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS: int = read("int", "SECURE_HSTS_SECONDS", 31_536_000 if PRODUCTION else 0)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = PRODUCTION
if TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

#: A JSON body may have this many bytes; photos have their own bound.
DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.TemporaryFileUploadHandler"]

STORAGES: dict[str, dict[str, Any]] = {}
if STORAGE_URL:
    try:
        STORAGES = storage_settings(STORAGE_URL)
    except ValueError as error:
        problems.append(f"STORAGE_URL: {error}")

# --- HTTP API ----------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["api.authentication.BearerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["api.parsers.BoundedJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["api.renderers.JSONRenderer"],
    "DEFAULT_THROTTLE_CLASSES": ["api.throttling.Throttle"],
    "DEFAULT_SCHEMA_CLASS": "api.schema.Schema",
    "EXCEPTION_HANDLER": "api.errors.problem_response",
    "UNAUTHENTICATED_USER": None,
    "UNAUTHENTICATED_TOKEN": None,
    # `?format=` would be an unknown parameter of ours, and a 404 by DRF.
    "URL_FORMAT_OVERRIDE": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}

#: Requests per window (the `limits` notation) of one person, or of one address where nobody is signed in.
RATE_LIMITS: dict[str, str] = {
    "guest": read("str", "RATE_LIMIT_GUEST", "30/hour"),
    "sign-in": read("str", "RATE_LIMIT_SIGN_IN", "10/minute"),
    "refresh": read("str", "RATE_LIMIT_REFRESH", "30/minute"),
    "submit": read("str", "RATE_LIMIT_SUBMIT", "60/hour"),
    "photo": read("str", "RATE_LIMIT_PHOTO", "120/hour"),
    "write": read("str", "RATE_LIMIT_WRITE", "600/minute"),
    "read": read("str", "RATE_LIMIT_READ", "1200/minute"),
    # One client reports for many people.
    "open311": read("str", "RATE_LIMIT_OPEN311", "600/minute"),
    "geocode": read("str", "RATE_LIMIT_GEOCODE", "300/minute"),
    # A phone that opens a map asks for dozens of tiles at once.
    "map": read("str", "RATE_LIMIT_MAP", "6000/minute"),
}

SIMPLE_JWT = {
    "ALGORITHM": "HS256",
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=10),
    "UPDATE_LAST_LOGIN": False,
}
ACCESS_TOKEN_LIFETIME = timedelta(minutes=10)
REFRESH_TOKEN_LIFETIME = timedelta(days=90)

PHOTO_MAX_BYTES = 20 * 1024 * 1024
PHOTO_MAX_PIXELS = 50_000_000
IDEMPOTENCY_KEY_LIFETIME = timedelta(hours=24)

# --- How long things are kept that are no city's; the rest is said by each jurisdiction ----------

#: Days after a session is over, or was revoked, when its row goes.
RETENTION_SESSIONS_DAYS: int = read("int", "RETENTION_SESSIONS_DAYS", 30)
#: Days an uploaded photo waits for its report. A photo is given up by the worker after one day.
RETENTION_PHOTOS_DAYS: int = read("int", "RETENTION_PHOTOS_DAYS", 7)
#: Days for messages that are told in no jurisdiction's name.
RETENTION_MESSAGES_DAYS: int = read("int", "RETENTION_MESSAGES_DAYS", 365)
for _name, _days, _least in (
    ("RETENTION_SESSIONS_DAYS", RETENTION_SESSIONS_DAYS, 1),
    ("RETENTION_PHOTOS_DAYS", RETENTION_PHOTOS_DAYS, 2),
    ("RETENTION_MESSAGES_DAYS", RETENTION_MESSAGES_DAYS, 30),
):
    if not _least <= _days <= 36_500:
        problems.append(f"{_name}: must be {_least} to 36500 days, not {_days}")

# --- Background work ---------------------------------------------------------------------------

CELERY_BROKER_URL = BROKER_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
# A request thread only wakes the worker up. A dead broker must cost it next to nothing.
CELERY_TASK_PUBLISH_RETRY = False
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "socket_connect_timeout": 0.5,
    "socket_timeout": 5,
    "visibility_timeout": 600,
    "max_retries": 0,
}
CELERY_TASK_ROUTES = {
    "notifications.tasks.*": {"queue": "notifications"},
    "requests311.tasks.process_photo": {"queue": "photos"},
    "requests311.tasks.fetch_photos": {"queue": "photos"},
}
CELERY_TASK_DEFAULT_QUEUE = "default"
#: Seconds between two looks for what a crash or a dead broker left behind.
SWEEP_SECONDS: int = read("int", "SWEEP_SECONDS", 5)
CELERY_BEAT_SCHEDULE = {
    "announce-leftover-events": {
        "task": "requests311.tasks.announce_leftovers",
        "schedule": SWEEP_SECONDS,
        "options": {"expires": SWEEP_SECONDS},
    },
    "deliver-due-notifications": {
        "task": "notifications.tasks.deliver_due",
        "schedule": SWEEP_SECONDS,
        "options": {"expires": SWEEP_SECONDS},
    },
    "end-holds": {
        "task": "requests311.tasks.end_holds",
        "schedule": SWEEP_SECONDS,
        "options": {"expires": SWEEP_SECONDS},
    },
    "escalate-due": {
        "task": "requests311.tasks.escalate_due",
        "schedule": SWEEP_SECONDS,
        "options": {"expires": SWEEP_SECONDS},
    },
    # A quarter of an hour: some cities' clocks stand half an hour apart from the others'.
    "send-digests": {
        "task": "requests311.tasks.send_digests",
        "schedule": 900,
        "options": {"expires": 900},
    },
    "fetch-due-photos": {
        "task": "requests311.tasks.fetch_photos",
        "schedule": 60,
        "options": {"expires": 60},
    },
    "forward-due": {
        "task": "requests311.tasks.forward_due",
        "schedule": SWEEP_SECONDS,
        "options": {"expires": SWEEP_SECONDS},
    },
    "send-webhooks-due": {
        "task": "requests311.tasks.send_webhooks_due",
        "schedule": SWEEP_SECONDS,
        "options": {"expires": SWEEP_SECONDS},
    },
    "poll-connectors": {
        "task": "requests311.tasks.poll_connectors",
        "schedule": SWEEP_SECONDS,
        "options": {"expires": SWEEP_SECONDS},
    },
    "fold-map-journal": {
        "task": "requests311.tasks.fold_map_journal",
        "schedule": SWEEP_SECONDS,
        "options": {"expires": SWEEP_SECONDS},
    },
    "process-leftover-photos": {
        "task": "requests311.tasks.process_leftover_photos",
        "schedule": 30,
        "options": {"expires": 30},
    },
    "areas-take-effect": {
        "task": "requests311.tasks.areas_take_effect",
        "schedule": 900,
        "options": {"expires": 900},
    },
    "retain": {"task": "requests311.tasks.retain", "schedule": 3600, "options": {"expires": 3600}},
    "forget-expired": {"task": "api.tasks.forget_expired", "schedule": 3600, "options": {"expires": 3600}},
}

#: Seconds between two questions to a department's own system what became of its requests.
CONNECTOR_POLL_SECONDS: int = read("int", "CONNECTOR_POLL_SECONDS", 60)
if CONNECTOR_POLL_SECONDS < 1:
    problems.append("CONNECTOR_POLL_SECONDS: must be 1 or more")
#: One HTTP call to a department's own system ends after this many seconds, at most 10.
FORWARD_TIMEOUT_SECONDS: float = read("float", "FORWARD_TIMEOUT_SECONDS", 10.0)
if not 0 < FORWARD_TIMEOUT_SECONDS <= 10:
    problems.append("FORWARD_TIMEOUT_SECONDS: more than 0 and at most 10")

#: A delivery taken by a worker that died is free again after this many seconds.
DELIVERY_LEASE_SECONDS: int = read("int", "DELIVERY_LEASE_SECONDS", 60)
DELIVERY_BATCH = 50
PUSH_THREADS: int = read("int", "PUSH_THREADS", 16)
#: One HTTP call to FCM ends after this many seconds, at most 10.
PUSH_TIMEOUT_SECONDS: int = min(read("int", "PUSH_TIMEOUT_SECONDS", 10), 10)

# --- Logs, metrics, documentation --------------------------------------------------------------

LOG_LEVEL: str = read("str", "LOG_LEVEL", "INFO").upper()
#: json for machines, console for people.
LOG_FORMAT: str = read("str", "LOG_FORMAT", "json" if PRODUCTION else "console")
LOGGING = logging_settings(LOG_LEVEL, LOG_FORMAT)

#: A file that exists while this server shuts down: /readyz fails first, so that no request is lost.
DRAIN_FILE: str = read("str", "DRAIN_FILE", "")

SPECTACULAR_SETTINGS = {
    "TITLE": "Requests311",
    "VERSION": "1.0.0",
    "DESCRIPTION": (
        "Report a problem in the city, see who has it, hear when it is fixed. "
        "Errors are RFC 9457 problems with a stable `code`."
    ),
    "OAS_VERSION": "3.0.3",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "SORT_OPERATIONS": False,
    "DISABLE_ERRORS_AND_WARNINGS": False,
    "SERVERS": [{"url": "/", "description": "this server"}],
    "LICENSE": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
    "CONTACT": {"name": "Requests311", "url": "https://requests311.example"},
    "TAGS": [
        {"name": "auth", "description": "Guests, sign-in and sessions."},
        {"name": "catalogue", "description": "What can be reported where, and who would get it."},
        {"name": "photos", "description": "Upload first, then name the id in the report."},
        {"name": "requests", "description": "Reports, their timeline, and the crew's moves."},
        {"name": "map", "description": "Tiles, boxes and heat of public reports; hot spots for dispatchers."},
        {"name": "crew", "description": "A department's working day: its queue, and all that staff does to a request."},
        {"name": "links", "description": "What people without an account do with a signed link."},
        {"name": "webhooks", "description": "Where a department's own systems hear of its requests; docs/webhooks.md."},
        {"name": "me", "description": "The caller's own phones."},
    ],
    "ENUM_NAME_OVERRIDES": {
        "Status": "requests311.statuses.Status",
        "AttributeDatatype": "requests311.models.service.Datatype",
        "PhotoPolicy": "requests311.models.service.PhotoPolicy",
        "PhotoState": "requests311.models.photo.PhotoState",
        "AddressSource": ["city", "external"],
        "ExternalGeocoder": ["not_set", "not_needed", "used", "unavailable"],
        "FcmKind": "notifications.models.FcmKind",
        "Platform": "notifications.models.Platform",
        "NotificationTopic": "notifications.topics.Topic",
        "NotificationChannel": "notifications.models.Channel",
        "WebhookDeliveryState": "requests311.models.webhook.DeliveryState",
        "PointType": ["Point"],
        "PolygonType": ["Polygon"],
        "FeatureType": ["Feature"],
        "FeatureCollectionType": ["FeatureCollection"],
    },
}

if problems:
    sys.stderr.write("Requests311 cannot start:\n" + "".join(f"  {line}\n" for line in problems))
    sys.exit(78)
