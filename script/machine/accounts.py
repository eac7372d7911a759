"""The account that PostgreSQL runs as: it refuses to be root, whose checkout it may not even reach."""

import os
import pwd
import stat
from pathlib import Path
from typing import NamedTuple


class Account(NamedTuple):
    """A user of this machine by number."""

    uid: int
    gid: int


def unprivileged() -> Account | None:
    """Whom a server runs as: None (as ourselves) unless we are root, then `postgres`, else `nobody`."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    return Account(65534, 65534)


def reaches(account: Account, path: Path) -> bool:
    """Whether the account may pass through every folder above `path` (/root and `mktemp -d` say no)."""
    for folder in path.absolute().parents:
        if not folder.exists():
            continue
        status = folder.stat()
        if status.st_uid == account.uid:
            allowed = status.st_mode & stat.S_IXUSR
        elif status.st_gid == account.gid:
            allowed = status.st_mode & stat.S_IXGRP
        else:
            allowed = status.st_mode & stat.S_IXOTH
        if not allowed:
            return False
    return True
