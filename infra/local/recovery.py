"""What of a stack goes on after a process of it was killed, and what is lost: said before anything is deleted."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from infra.local.credentials import Credentials
from infra.local.processes import marked
from infra.local.services import NAMES, ServiceError, Services

if TYPE_CHECKING:
    from infra.deployment.progress import Progress
    from infra.local.layout import Layout

WITH_DATA = ("postgres", "org")
AGAIN = {
    "postgres": "make up starts it again on its data",
    "emulator": (
        "make up starts a new one. It held everything in memory: the ledger with its history, its open issues and the "
        "deletions that it remembers, and the messages on their way, are lost. Rows and records are kept and linked "
        "again; where they differ, both keep their value and an issue shows them"
    ),
    "org": "make up starts it again with its records",
    "relay": "make up starts it again; what was captured meanwhile waits in the outbox",
}


def remedy(services: Services, name: str) -> str:
    """What to do about the process `name`, which does not run, and what that means for its data."""
    if not _was_started(services, name):
        return "make up starts it"
    if name in WITH_DATA and not services.left(name):
        return "its data are gone, and the rest would not fit them: make up deletes the rest and starts afresh"
    return AGAIN[name]


def prepare(layout: Layout, progress: Progress) -> Services:
    """The services of the stack that is left here, ready to be started where they do not run; or of a new one.

    Raises:
        ServiceError: A process is there and does not answer; it may hold the only copy of something.
    """
    credentials = Credentials.load(layout.credentials)
    if credentials is None:
        if any(marked(str(layout.home))) or layout.state.exists():
            progress.say(f"A stack is left here without its passwords: {layout.credentials} cannot be read")
            _forget(layout, Credentials(), progress)
        return _fresh(layout)
    services = Services(layout, credentials)
    for name in NAMES:
        if (pid := services.silent(name)) is not None:
            text = f"{name} is process {pid}, which does not answer, though it may hold what nothing else does"
            raise ServiceError(f"{text}: wait, or end it by kill {pid}, and run make up again")
    stopped = [name for name in NAMES if not services.running(name)]
    for name in stopped:
        if _was_started(services, name):
            progress.say(f"{name} is not running: {remedy(services, name)}")
    if any(_was_started(services, name) and not services.left(name) for name in WITH_DATA if name in stopped):
        _forget(layout, credentials, progress)
        return _fresh(layout)
    if "emulator" in stopped:
        services.stop("relay")  # nothing is installed in the new one yet: what it sent would come back minutes later
        credentials.relinking = credentials.relinking or bool(credentials.deployed)
        credentials.deployed = credentials.installed = ""
        credentials.save(layout.credentials)
    if stopped:
        services.end_strays()
    return services


def complaint(layout: Layout) -> str:
    """What a command that needs the running stack is to say, and what to do about it; empty where nothing is wrong."""
    credentials = Credentials.load(layout.credentials)
    services = Services(layout, credentials or Credentials())
    lines = [f"{name} is not running: {remedy(services, name)}" for name in NAMES if not services.running(name)]
    if layout.failure.exists():
        lines.insert(0, f"the last {layout.failure.read_text(encoding='utf-8')}; run make up again")
    if credentials is None:
        lines = ["the stack is not up: run make up"]
    elif not layout.stack_file.exists():
        lines.insert(0, "the stack is not up yet: wait for make up, or run it again: it goes on with what is there")
    return "\n".join(lines)


def _was_started(services: Services, name: str) -> bool:
    return bool(services.credentials.deployed) if name == "relay" else name in services.credentials.ports


def _forget(layout: Layout, credentials: Credentials, progress: Progress) -> None:
    with progress.during("Deleting what is left: rows, records and ledger"):
        services = Services(layout, credentials)
        services.stop_all()
        services.forget()


def _fresh(layout: Layout) -> Services:
    shutil.rmtree(layout.logs, ignore_errors=True)
    return Services(layout, Credentials())
