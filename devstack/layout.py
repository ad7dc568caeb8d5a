"""Where things lie: everything below the project, and one data folder elsewhere when that cannot be."""

from __future__ import annotations

import hashlib
import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from devstack.problem import Problem

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Layout:
    """The folders of one checkout."""

    root: Path = ROOT

    @property
    def venv(self) -> Path:
        """The project's own Python environment."""
        return self.root / ".venv"

    @property
    def python(self) -> Path:
        """The interpreter of that environment."""
        return self.venv / "bin" / "python"

    @property
    def work(self) -> Path:
        """Everything else that the commands make."""
        return self.root / ".devstack"

    @property
    def maven_repository(self) -> Path:
        """Maven's repository; the user's own stays untouched."""
        return self.work / "m2"

    @property
    def solr(self) -> Path:
        """The collected Solr jars."""
        return self.work / "solr"

    @property
    def logs(self) -> Path:
        """Logs of installations."""
        return self.work / "logs"

    @property
    def runs(self) -> Path:
        """One folder per command that may run at the same time as another."""
        return self.work / "runs"

    def make(self) -> None:
        """Make the folders, open to the account that PostgreSQL runs as.

        :raises Problem: if the checkout cannot be written to
        """
        try:
            for folder in (self.work, self.logs, self.runs):
                folder.mkdir(exist_ok=True)
                folder.chmod(0o755)
        except OSError as error:
            raise Problem(
                f"{self.root} cannot be written to ({error.strerror}).",
                "Clone the project to a folder of yours, or run this as the account that owns it.",
            ) from None

    def postgres_home(self) -> Path:
        """Return the folder for PostgreSQL's data folders.

        PostgreSQL refuses to run as root, so root hands it to the account ``postgres``, which cannot
        enter a project below a closed home: then the data lies in one folder under ``/var/tmp``.

        :returns: an existing folder
        :raises Problem: if the folder outside the project belongs to somebody else
        """
        if os.geteuid() != 0 or reachable(self.runs, server_account()):
            return self.runs
        mark = hashlib.sha256(str(self.root).encode()).hexdigest()[:8]
        folder = Path("/var/tmp") / f"ckanext-inventory-{mark}"
        folder.mkdir(mode=0o711, exist_ok=True)
        if folder.is_symlink() or folder.stat().st_uid != 0:
            raise Problem(
                f"{folder} belongs to another account.", "Remove it, then run this again."
            )
        folder.chmod(0o711)
        return folder


def server_account() -> pwd.struct_passwd:
    """Return the account that PostgreSQL runs as: one's own, or ``postgres`` for root.

    :raises Problem: if root finds no account ``postgres``
    """
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid())
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        raise Problem(
            "PostgreSQL refuses to run as root and there is no account 'postgres'.",
            "Add it (adduser --system --group postgres), or run this as another user.",
        ) from None


def reachable(folder: Path, account: pwd.struct_passwd) -> bool:
    """Tell whether an account may enter a folder, by the permissions of all folders above it."""
    for place in (folder, *folder.parents):
        facts = place.stat()
        if facts.st_uid == account.pw_uid:
            bit = stat.S_IXUSR
        elif facts.st_gid == account.pw_gid:
            bit = stat.S_IXGRP
        else:
            bit = stat.S_IXOTH
        if not facts.st_mode & bit:
            return False
    return True
