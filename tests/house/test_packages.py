"""What script/server installs on a machine, and what it says where it cannot: apt, .venv, Python itself."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from script.machine import packages, postgres, venv
from script.machine.console import ScriptError

ROOT = Path(__file__).resolve().parents[2]


# --- packages --------------------------------------------------------------------------------------


def stub(folder: Path, name: str, body: str) -> None:
    """An executable of that name, as a machine would have it in PATH."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{body}\n")
    (folder / name).chmod(0o755)


@pytest.fixture
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with neither PostgreSQL nor Redis, whose PATH is one folder: the returned one."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sh", "cat", "env"):
        (folder / name).symlink_to(str(shutil.which(name)))
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(postgres, "PLACES", ())
    return folder


def ensure() -> None:
    packages.ensure(database=True, broker=True, venv=False)


def test_without_apt_the_lines_that_install_it_are_told(bare_machine: Path) -> None:
    with pytest.raises(ScriptError) as refusal:
        ensure()
    text = str(refusal.value)
    assert "Missing: PostgreSQL with PostGIS, Redis" in text
    assert "no apt-get" in text
    assert re.search(r"sudo apt-get install -y --no-install-recommends postgresql \S*postgis\S* redis-server\n", text)
    assert re.search(r"sudo dnf install -y postgresql-server postgis redis\n", text)
    assert re.search(r"brew install postgresql@17 postgis redis\n", text)
    assert "DATABASE_URL" in text


def test_without_root_and_sudo_nothing_is_tried(bare_machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stub(bare_machine, "apt-get", f"echo called >> {bare_machine}/calls; exit 1")
    stub(bare_machine, "sudo", "exit 1")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(ScriptError, match=r"takes root(.|\n)*apt-get install"):
        ensure()
    assert not (bare_machine / "calls").exists()


def test_with_sudo_apt_is_called_through_it(bare_machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stub(bare_machine, "apt-get", "exit 100")
    stub(bare_machine, "sudo", f'printf "%s\\n" "$*" >> {bare_machine}/calls; [ "$1" = -n ]')
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(ScriptError, match=r"apt-get update failed(.|\n)*One of these lines"):
        ensure()
    calls = (bare_machine / "calls").read_text().splitlines()
    assert calls[0] == "-n true"
    assert re.fullmatch(r"sh \S+/apt-install\.sh update", calls[1])


def test_the_name_of_postgis_follows_the_distribution(bare_machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stub(bare_machine, "apt-cache", "printf 'postgresql\\n  Depends: postgresql-17\\n  Suggests: postgresql-doc\\n'")
    needs = packages.missing(database=True, broker=False, venv=False)
    assert needs[0].apt == ("postgresql", "postgresql-17-postgis-3")


def test_nothing_is_installed_for_what_a_variable_names(bare_machine: Path) -> None:
    packages.ensure(database=False, broker=False, venv=False)


@pytest.fixture
def apt_machine(tmp_path: Path) -> Path:
    """apt-install.sh beside stubs, with the machine's own folders replaced by some below tmp_path."""
    text = (ROOT / "script/machine/apt-install.sh").read_text()
    for folder in ("/usr/sbin", "/etc/postgresql-common"):
        assert folder in text
        (tmp_path / folder.lstrip("/")).mkdir(parents=True)
        text = text.replace(folder, f"{tmp_path}{folder}")
    (tmp_path / "apt-install.sh").write_text(text)
    stub(tmp_path / "bin", "dpkg-query", "exit 1")
    return tmp_path


def run_apt(machine: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", str(machine / "apt-install.sh"), *arguments],
        env={"PATH": f"{machine}/bin:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("status", [0, 100])
def test_no_service_starts_while_packages_are_installed_and_nothing_stays(apt_machine: Path, status: int) -> None:
    stub(
        apt_machine / "bin",
        "apt-get",
        f'cd {apt_machine}; ./usr/sbin/policy-rc.d; echo "policy $?" > seen\n'
        f'cat etc/postgresql-common/createcluster.d/* >> seen; echo "$@" >> seen; exit {status}',
    )
    assert run_apt(apt_machine, "install", "postgresql").returncode == status
    seen = (apt_machine / "seen").read_text()
    assert "policy 101\n" in seen
    assert "create_main_cluster = false\n" in seen
    assert seen.rstrip().endswith("--no-install-recommends install postgresql")
    assert not list((apt_machine / "usr/sbin").iterdir())
    assert not list((apt_machine / "etc/postgresql-common").iterdir())


def test_a_policy_of_the_machine_stays(apt_machine: Path) -> None:
    stub(apt_machine / "usr/sbin", "policy-rc.d", "exit 42")
    stub(apt_machine / "bin", "apt-get", "exit 0")
    assert run_apt(apt_machine, "install", "redis-server").returncode == 0
    assert "exit 42" in (apt_machine / "usr/sbin/policy-rc.d").read_text()


def test_package_lists_that_cannot_be_renewed_are_used_as_they_are(apt_machine: Path) -> None:
    stub(apt_machine / "bin", "apt-get", "exit 100")
    assert run_apt(apt_machine, "update").returncode == 0


# --- .venv -----------------------------------------------------------------------------------------


@pytest.fixture
def empty_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout whose locks name nothing, so that a real .venv is made in seconds and without a network."""
    monkeypatch.setattr(venv, "ROOT", tmp_path)
    monkeypatch.setattr(venv, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(venv, "PYTHON", tmp_path / ".venv/bin/python")
    for name in ("requirements.lock", "requirements-dev.lock"):
        (tmp_path / name).write_text(f"# {name}\n")
    return tmp_path


def test_venv_is_made_once_and_again_when_the_lock_changes(empty_checkout: Path) -> None:
    lock = empty_checkout / "requirements.lock"
    venv.ensure(lock)
    # What stands for Django in this empty environment.
    (package,) = (empty_checkout / ".venv/lib").glob("python3*/site-packages")
    (package / "django.py").touch()
    assert venv.complete(lock)
    lock.write_text("# of the next commit\n")
    assert not venv.complete(lock)
    venv.ensure(empty_checkout / "requirements-dev.lock")
    assert not (empty_checkout / ".venv/.installed-requirements.lock").exists()
    lock.write_text("./no-such-package.whl\n")
    with pytest.raises(ScriptError, match=r"pip install failed(.|\n)*not complete(.|\n)*--require-hashes"):
        venv.ensure(lock)
    assert not venv.complete(lock)


def test_without_a_python_the_lines_that_install_one_are_told(tmp_path: Path) -> None:
    for name in ("bash", "dirname", "cat", "env"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    stub(tmp_path, "python3", "exit 1")
    answer = subprocess.run(
        [ROOT / "script/server"], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 1
    for words in ("Python 3.11", "apt-get install", "dnf install", "brew install"):
        assert words in answer.stderr
