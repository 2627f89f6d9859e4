"""A process that has imported a deployment's code and forks an execution environment from it on demand.

Started by `forks.py` with a socket as its standard input. The first message says what to import; each further one
brings the three standard streams of a new environment, which runs ministack's own worker script.
"""

import importlib
import json
import os
import pkgutil
import signal
import socket
import sys
import threading
from pathlib import Path

_LONGEST_MESSAGE = 1 << 20
_SERVICES = ("dynamodb", "secretsmanager", "sqs")


def main():
    """Import, then fork for each message until the socket is closed."""
    channel = socket.socket(fileno=os.dup(0))
    prepare(json.loads(channel.recv(_LONGEST_MESSAGE)))
    # A thread does not survive a fork, and may hold a lock at that moment.
    channel.send(b"ready" if threading.active_count() == 1 else b"threads")
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the environments are reaped by the system
    while True:
        message, streams, _, _ = socket.recv_fds(channel, _LONGEST_MESSAGE, 3)
        if not message:
            return
        pid = os.fork()
        if pid == 0:
            channel.close()
            become(json.loads(message), streams)
            return
        for stream in streams:
            os.close(stream)
        channel.send(str(pid).encode())


def prepare(order):
    """Import the handlers' module as the worker script would, and what chalice applications import later."""
    os.environ.clear()
    os.environ.update(order["env"])
    sys.path[:0] = order["paths"]
    sys.path.remove(str(Path(__file__).resolve().parent))
    if attempt("botocore.handlers") and attempt("boto3"):
        load_service_models()
    if attempt(order["module"]):
        package = sys.modules.get("chalicelib")
        for found in pkgutil.walk_packages(package.__path__, "chalicelib.") if package else ():
            attempt(found.name)


def attempt(name):
    """Import a module; whether it is there. The worker script imports it again, and tells why it cannot."""
    try:
        importlib.import_module(name)
    except Exception as error:  # noqa: BLE001 - a module may raise anything
        print(f"{name} cannot be imported in advance: {error!r}", file=sys.stderr)
        return False
    return True


def load_service_models():
    """Fill the caches of boto3's default session; each environment reads its credentials anew."""
    import boto3  # noqa: PLC0415 - the emulator's environment, or the function's own

    for service in _SERVICES:
        boto3.client(service).close()
    boto3.DEFAULT_SESSION._session._credentials = None


def become(order, streams):
    """Turn this process into an execution environment."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w", buffering=1)  # noqa: SIM115
    os.environ.clear()
    os.environ.update(order["env"])
    os.chdir(order["cwd"])
    exec(compile(order["script"], order["path"], "exec"), {"__name__": "__main__"})  # noqa: S102


if __name__ == "__main__":
    main()
