"""The rules of the house (DESIGN §4) that a machine can hold."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("config", "api", "requests311", "notifications", "geo", "accounts")


def sources(*packages: str) -> Iterator[Path]:
    for package in packages:
        yield from (path for path in (ROOT / package).rglob("*.py") if "migrations" not in path.parts)


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "--", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return [ROOT / line for line in listed.stdout.splitlines() if (ROOT / line).is_file()]


def test_imports_run_one_way() -> None:
    from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

    assert lint_imports(no_cache=True) == EXIT_STATUS_SUCCESS


def test_domain_and_leaves_know_nothing_of_http() -> None:
    at_fault = [
        (path.name, name)
        for path in sources("requests311", "notifications", "geo", "accounts")
        # The admin is a page of its own and speaks HTTP by nature; the emulator is a server.
        if path.relative_to(ROOT).parts[1] not in {"admin", "admin.py"} and "emulator" not in path.parts
        for name in imports(path)
        if name.startswith(("django.http", "rest_framework.", "django.shortcuts", "django.urls"))
    ]
    assert at_fault == []


def test_no_django_signals_for_our_own_logic() -> None:
    at_fault = [
        path.name
        for path in sources(*PACKAGES)
        for name in imports(path)
        if name.startswith("django.db.models.signals")
    ]
    assert at_fault == []


def test_web_processes_do_not_load_what_only_workers_need() -> None:
    # numpy is there already: GeoDjango imports it wherever it is installed, and shapely needs it.
    heavy = ("firebase_admin", "pyvips", "cv2", "pillow_heif", "shapely", "pyogrio")
    code = f"import config.wsgi, sys; import config.urls;print([name for name in {heavy!r} if name in sys.modules])"
    shown = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, check=True
    )
    assert shown.stdout.strip().splitlines()[-1] == "[]"


@pytest.mark.parametrize("name", ["utils", "common", "helpers", "base", "misc"])
def test_no_room_without_a_concept(name: str) -> None:
    # Django looks for a database backend in its package's base.py.
    allowed = {ROOT / "config" / "database" / "base.py"}
    named = [path for path in sources(*PACKAGES) if path.stem == name or name in path.parent.parts]
    assert [path for path in named if path not in allowed] == []


def test_no_services_py() -> None:
    assert [path for path in sources(*PACKAGES) if path.name == "services.py"] == []


def test_actions_are_keyword_only_and_say_who_acts() -> None:
    for path in (ROOT / "requests311" / "actions").glob("[a-z]*.py"):
        tree = ast.parse(path.read_text())
        action = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == path.stem)
        assert not action.args.args, f"{path.stem} takes positional arguments"
        assert action.args.kwonlyargs[0].arg == "by", f"{path.stem} does not begin with by="


def test_tasks_carry_ids_only() -> None:
    for path in sources("requests311", "notifications", "api"):
        if path.name == "tasks.py":
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.FunctionDef):
                    for argument in node.args.args:
                        assert argument.arg.endswith("_id"), f"{path}: {node.name}({argument.arg})"


def test_every_dependency_says_why_it_is_here() -> None:
    lines = (ROOT / "pyproject.toml").read_text().split("dependencies = [\n", 1)[1].split("\n]", 1)[0].splitlines()
    assert [line for line in lines if line.strip() and "#" not in line] == []


def test_lock_files_name_no_host_and_hash_everything() -> None:
    for path in ROOT.glob("requirements*.lock"):
        text = path.read_text()
        assert not re.search(r"https?://|--index-url|--extra-index|--find-links|git\+", text), path.name
        for requirement in re.findall(r"^[a-z0-9].*?(?=^[a-z0-9]|\Z)", text, re.MULTILINE | re.DOTALL | re.IGNORECASE):
            assert "--hash=sha256:" in requirement, requirement.splitlines()[0]


def test_no_registry_host_in_any_committed_file() -> None:
    hosts = re.compile("py" + r"pi\.org|pythonhosted\.org|registry\." + r"npmjs|deb\.debian\." + "org")
    at_fault = [
        str(path.relative_to(ROOT))
        for path in tracked()
        if path.suffix not in {".png", ".jpg", ".heic"} and hosts.search(path.read_text(errors="ignore"))
    ]
    assert at_fault == []


def test_readme_names_only_files_that_exist() -> None:
    page = (ROOT / "README.md").read_text()
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)\)", page):
        assert (ROOT / target).exists(), target
