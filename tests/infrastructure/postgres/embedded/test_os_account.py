"""How the account of the embedded server is created for root."""

import os
import pwd
import subprocess
from contextlib import nullcontext
from typing import Any

import pytest

from infrastructure.postgres.embedded import os_account


def test_the_account_is_created_without_the_directories_of_administration_in_path(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = iter(["missing", "root"])
    commands: list[list[str]] = []
    find = pwd.getpwnam

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        return subprocess.CompletedProcess(command, 0, "", "")

    def find_next(_: str) -> pwd.struct_passwd:
        return find(next(names))

    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os_account, "_account_lock", nullcontext)
    monkeypatch.setattr(pwd, "getpwnam", find_next)
    monkeypatch.setattr(subprocess, "run", run)
    assert os_account.find_server_account().name == "root"
    assert [command[0] for command in commands] == ["/usr/sbin/useradd"]
