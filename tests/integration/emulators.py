"""Clients of a throw-away emulator."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from infra.local.emulator import Emulator


@contextmanager
def clients_of(emulator: Emulator) -> Iterator[Callable[[str], Any]]:
    """Make clients of an emulator, one of each service; they are closed at the end."""
    clients: dict[str, Any] = {}
    make: Any = boto3.client

    def get(service: str) -> Any:
        clients[service] = clients.get(service) or make(service, **emulator.client_arguments)
        return clients[service]

    yield get
    for each in clients.values():
        each.close()
