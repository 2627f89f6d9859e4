"""Start the org: ``python -m infra.local.org --port 8300 --config org.json``."""

import argparse
import asyncio
import json
from pathlib import Path

import uvloop

from infra.local.org.configuration import Configuration, parse_app
from infra.local.org.errors import OrgError
from infra.local.org.journal import Journal
from infra.local.org.server import make_server
from infra.local.org.state import Org


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m infra.local.org", description="A simulated Salesforce org.")
    parser.add_argument("--port", type=int, required=True, help="port on 127.0.0.1; 0 takes a free one and prints it")
    parser.add_argument("--config", type=Path, help="start-up file (JSON): users, apps, objects, deliveries, settings")
    parser.add_argument("--journal", type=Path, help="file from which an org that was killed goes on")
    parser.add_argument("--session", action="append", default=[], metavar="USER=TOKEN", help="a token that stays valid")
    parser.add_argument("--consumer-key", help="connected app for JWT bearer and client credentials")
    parser.add_argument("--consumer-secret", help="its secret")
    parser.add_argument("--certificate", type=Path, help="its certificate or public key (PEM)")
    return parser.parse_args()


def _configuration(arguments: argparse.Namespace) -> Configuration:
    raw = json.loads(arguments.config.read_text("utf-8")) if arguments.config else {}
    configuration = Configuration.from_json(raw)
    if arguments.consumer_key:
        app = {"consumerKey": arguments.consumer_key, "consumerSecret": arguments.consumer_secret}
        if arguments.certificate:
            app["certificate"] = arguments.certificate.read_text("utf-8")
        configuration.apps.append(parse_app(app))
    for pair in arguments.session:
        name, _, token = pair.partition("=")
        if name not in configuration.user_specs or not token:
            raise ValueError(f"--session needs USER=TOKEN with a known user, not {pair!r}")
        configuration.tokens[token] = name
    return configuration


def _org(arguments: argparse.Namespace) -> Org:
    configuration = _configuration(arguments)
    org = Org(configuration, Journal(arguments.journal))
    org.tokens.users.update(configuration.tokens)
    return org


async def _serve(org: Org, port: int) -> None:
    server = make_server(org, port)
    serving = asyncio.get_running_loop().create_task(server.serve())
    while not server.started and not serving.done():
        await asyncio.sleep(0.01)
    if server.started:
        address = server.servers[0].sockets[0].getsockname()
        print(f"simulated org ready on http://127.0.0.1:{address[1]}", flush=True)
    await serving


def main() -> None:
    """Run until a signal stops it."""
    arguments = _arguments()
    try:
        org = _org(arguments)
    except (OSError, OrgError, ValueError) as error:
        raise SystemExit(f"the org cannot start: {error}") from None
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(org, arguments.port))


if __name__ == "__main__":
    main()
