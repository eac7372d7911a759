"""compose.yaml, the Dockerfile and script/server against the program they start, so that they cannot rot."""

import ast
import importlib.util
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import pytest
from celery.bin.celery import celery as celery_command
from django.conf import settings
from django.core.management import get_commands, load_command_class
from django.core.management.base import BaseCommand
from ruamel.yaml import YAML

from config import serve
from script import server

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = YAML(typ="safe").load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
#: Services that run our image, and those that run somebody else's.
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
#: Read by Python itself.
PYTHONS = {"PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"}


def variables_read() -> set[str]:
    """The names that settings.py reads, and those that the web server and the health check take themselves."""
    found = set()
    for node in ast.walk(ast.parse((ROOT / "config/settings.py").read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "read":
            name = node.args[1]
            assert isinstance(name, ast.Constant)
            found.add(str(name.value))
    for module in ("serve", "probe"):
        text = (ROOT / f"config/{module}.py").read_text()
        found |= set(re.findall(r'os\.environ(?:\.\w+\(|\[)"(\w+)"', text))
    return found


def interpolated(value: str, given: Mapping[str, str]) -> str:
    """`${NAME:-default}` and `${NAME:?message}` as Docker Compose replaces them."""

    def replace(match: re.Match[str]) -> str:
        name, kind, rest = match[1], match[2], match[3]
        if given.get(name):
            return given[name]
        assert kind == ":-", f"{name} has no value"
        return rest

    return re.sub(r"\$\{(\w+)(:[-?])([^}]*)\}", replace, value)


def environment(service: str, given: Mapping[str, str]) -> dict[str, str]:
    """The variables in a container of the service, when the shell or `.env` sets `given`."""
    found = {}
    for name, value in OURS[service]["environment"].items():
        if value is not None:
            found[name] = interpolated(str(value), given)
        elif name in given:
            found[name] = given[name]
    return found


def starts(variables: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Loads the settings as a container would."""
    bare = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-c", "import config.settings"],
        env={**bare, **variables},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


PRODUCTION = {
    "POSTGRES_PASSWORD": "one-of-its-own",
    "SECRET_KEY": "k3y-" + "aB3dE5gH7jK9mN1pQ2sT4vW6yZ8" * 2,
    "ALLOWED_HOSTS": "requests311.example",
    "FIREBASE_CREDENTIALS": "{}",
}
DEVELOPMENT = {
    "ENVIRONMENT": "development",
    "POSTGRES_PASSWORD": "local",
    "FIREBASE_CREDENTIALS": "/srv/requests311/var/fcm/service-account.json",
    "FCM_ENDPOINT": "http://127.0.0.1:8099",
}


@pytest.mark.parametrize("given", [PRODUCTION, DEVELOPMENT], ids=["production", "development"])
def test_the_settings_start_with_what_compose_gives_them(given: dict[str, str]) -> None:
    answer = starts(environment("web", given))
    assert (answer.returncode, answer.stderr) == (0, "")


def test_the_development_lines_in_the_header_are_those_tested() -> None:
    head = (ROOT / "compose.yaml").read_text().partition("x-environment")[0]
    for name, value in DEVELOPMENT.items():
        assert f"{name}={value}" in head


def test_every_variable_is_read_by_the_program() -> None:
    read = variables_read()
    assert "DATABASE_URL" in read
    for name, service in OURS.items():
        assert set(service["environment"]) <= read, name


def test_every_variable_that_production_misses_can_be_given() -> None:
    answer = starts({"ENVIRONMENT": "production"})
    missing = set(re.findall(r"^  (\w+): missing", answer.stderr, re.MULTILINE))
    assert {"SECRET_KEY", "DATABASE_URL", "FIREBASE_CREDENTIALS"} <= missing
    for name, service in OURS.items():
        assert missing <= set(service["environment"]), name


def test_the_image_sets_known_variables_only() -> None:
    lines = "\n".join(line for line in DOCKERFILE.splitlines() if not line.startswith("#"))
    assert set(re.findall(r"\b([A-Z][A-Z_]+)=", lines)) <= variables_read() | PYTHONS


def test_the_image_is_built_from_the_hashed_lock_by_nobody_in_particular() -> None:
    assert "--require-hashes --requirement requirements.lock" in DOCKERFILE
    assert (ROOT / "requirements.lock").is_file()
    user = re.findall(r"^USER (\S+)", DOCKERFILE, re.MULTILINE)
    assert user
    assert user[-1] not in {"root", "0"}


def all_commands() -> list[tuple[str, list[str]]]:
    found = []
    for name, service in OURS.items():
        command = service["command"]
        if command[:2] == ["sh", "-c"]:
            found += [(name, shlex.split(part)) for part in command[2].split(" && ")]
        else:
            found.append((name, list(command)))
    image = re.findall(r"^CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
    found.append(("image", ast.literal_eval(image[-1])))
    found += [(f"script/server's {name}", words) for name, words in server.commands(8000, 8001).items()]
    return found


@pytest.mark.parametrize(("name", "command"), all_commands(), ids=[name for name, _ in all_commands()])
def test_every_command_exists_and_takes_its_options(name: str, command: list[str]) -> None:
    program, *rest = command
    if Path(program).name.startswith("python"):
        if rest[0] == "manage.py":
            takes_management(rest[1], rest[2:])
            return
        assert rest[0] == "-m"
        program, rest = rest[1], rest[2:]
    if program == "celery":
        takes_celery(rest)
        return
    assert importlib.util.find_spec(program), name
    assert program == "config.serve"
    serve.options(rest)


def takes_management(name: str, rest: Sequence[str]) -> None:
    """Django's own parser reads the options, or ends the test."""
    app = get_commands()[name]
    command = app if isinstance(app, BaseCommand) else load_command_class(app, name)
    command.create_parser("manage.py", name).parse_args(list(rest))


def takes_celery(words: Sequence[str]) -> None:
    """Celery's own parsers read the options of `celery` and of its command."""
    context = click.Context(celery_command)
    options, rest, _ = celery_command.make_parser(context).parse_args(list(words))
    assert options["app"] == "config"
    command = celery_command.get_command(context, rest[0])
    assert command is not None
    _, left, _ = command.make_parser(click.Context(command)).parse_args(rest[1:])
    assert left == []


def queues(words: Sequence[str]) -> set[str]:
    option = next(word for word in words if word in {"-Q", "--queues"})
    return set(words[list(words).index(option) + 1].split(","))


@pytest.mark.parametrize(
    "words", [OURS["worker"]["command"], server.commands(8000, None)["worker"]], ids=["compose", "script/server"]
)
def test_the_worker_reads_every_queue_that_is_written_to(words: list[str]) -> None:
    written = {route["queue"] for route in settings.CELERY_TASK_ROUTES.values()}
    schedule: dict[str, dict[str, Any]] = settings.CELERY_BEAT_SCHEDULE
    written |= {task["options"].get("queue", "default") for task in schedule.values()}
    assert queues(words) == written | {settings.CELERY_TASK_DEFAULT_QUEUE}


def test_one_beat_only() -> None:
    beats = [name for name, service in OURS.items() if "beat" in service["command"]]
    assert beats == ["beat"]
    assert "deploy" not in OURS["beat"]


def option(command: Sequence[str], name: str) -> str:
    return command[list(command).index(name) + 1]


def test_the_ports_agree() -> None:
    web = OURS["web"]
    port = option(web["command"], "--port")
    assert [published.rpartition(":")[2] for published in web["ports"]] == [port]
    assert f"http://127.0.0.1:{port}/readyz" in web["healthcheck"]["test"]
    assert f"EXPOSE {port}\n" in DOCKERFILE
    emulator = option(OURS["emulator"]["command"], "--port")
    assert OURS["emulator"]["network_mode"] == "service:worker"
    assert [published.rpartition(":")[2] for published in OURS["worker"]["ports"]] == [emulator]
    assert DEVELOPMENT["FCM_ENDPOINT"].endswith(f":{emulator}")


def test_nothing_is_published_beyond_this_machine() -> None:
    for name, service in SERVICES.items():
        for published in service.get("ports", []):
            assert published.startswith("127.0.0.1:"), name


def test_emulator_and_worker_share_the_credentials_file() -> None:
    path = option(OURS["emulator"]["command"], "--credentials")
    assert path == DEVELOPMENT["FIREBASE_CREDENTIALS"]
    for name in ("emulator", "worker"):
        folders = [volume.partition(":")[2] for volume in OURS[name]["volumes"]]
        assert str(Path(path).parent) in folders


def test_development_tools_stay_out_of_production() -> None:
    assert {name for name, service in OURS.items() if service.get("profiles")} == {"emulator", "sample"}


def test_the_web_server_has_time_to_drain() -> None:
    grace = int(OURS["web"]["stop_grace_period"].rstrip("s"))
    assert grace > serve.options([]).drain + 5 + serve.FINISH_SECONDS


def test_static_files_are_served_from_where_they_are_collected() -> None:
    assert Path(settings.STATIC_ROOT) == serve.STATIC_ROOT
    assert settings.STATIC_URL == "/static/"
