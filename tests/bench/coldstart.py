"""What a new environment of a function does before its first call ends: `python -m tests.bench coldstart`.

The packages that chalice deploys are built and unpacked, and a new interpreter sees nothing else. It is not Lambda: the
time to make the environment and to fetch the packages is not in it, and its processor is another one. No system
answers: the first call is that of `/health`; of a settle function only the parts are made that a call needs.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from infra.deployment import build
from infra.deployment.chalice import Chalice
from infra.deployment.stages import Stage
from tests.bench.figures import percentile, table

ROOT = Path(__file__).resolve().parents[2]
TIMES = 20
URL, ARN = "https://queues.example/", "arn:aws:service:us-east-1:000000000000:"
CHILD = """
import json, time
begun = time.perf_counter()
import app
imported = time.perf_counter()
{work}
print(json.dumps([imported - begun, time.perf_counter() - imported]))
"""
HEALTH = """
context = {"resourcePath": "/health", "httpMethod": "GET", "stage": "dev", "identity": {"sourceIp": "192.0.2.1"}}
event = {"requestContext": context, "headers": {}, "multiValueQueryStringParameters": None, "pathParameters": None}
event |= {"stageVariables": None, "isBase64Encoded": False, "body": None}
class Context:
    function_name, memory_limit_in_mb, aws_request_id = "api", 512, "1"
    invoked_function_arn = "arn:aws:lambda:us-east-1:000000000000:function:api"
assert app.app(event, Context())["statusCode"] == 200
"""
SETTLE = """
wiring = app.wiring
wiring.ledger, wiring.archive, wiring.hints, wiring.agenda, wiring.pauses, wiring.secrets
import chalicelib.postgres.rows, chalicelib.salesforce.client, chalicelib.salesforce.apex_writer
import chalicelib.jobs.settling, chalicelib.jobs.guards
"""
WORK = {"api_handler: GET /health": HEALTH, "settle functions: its parts": SETTLE}


def run() -> str:
    """Package, and start each again and again."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = _unpacked(folder)
        rows = [
            _row(what, environment | bytecode, work, how)
            for bytecode, how in (
                ({"PYTHONDONTWRITEBYTECODE": "1"}, "as packaged"),
                ({"PYTHONPYCACHEPREFIX": str(folder / "bytecode")}, "were bytecode packaged too"),
            )
            for what, work in WORK.items()
        ]
    header = ("first call, packages", "times", "import p50 ms", "p90", "most", "call p50 ms", "p90", "most")
    return table("Import of the application in a new interpreter, and the first call after it", header, rows)


def _unpacked(folder: Path) -> Mapping[str, str]:
    """Build and unpack the packages; the environment in which they are seen, and nothing else."""
    outputs = {name: f"{URL if name.endswith('Url') else ARN}{name}" for name in _outputs()}
    stage = Stage("bench")
    build.build(ROOT, folder / "build", stage, outputs)
    region = {"AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none"}
    own = {"PATH": os.environ["PATH"], "HOME": str(folder), **region}
    shared = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_", "REQUESTS_"))}
    Chalice(folder / "build", stage.name, own | shared, folder / "log").package()
    for archive in (folder / "build" / "package").glob("*.zip"):
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(folder / ("layer" if "layer" in archive.name else "task"))
    [layer] = (folder / "layer" / "python" / "lib").glob("python*/site-packages")
    variables = build.stage_environment(ROOT, stage, outputs)
    return own | variables | {"PYTHONPATH": f"{folder / 'task'}:{layer}", "POWERTOOLS_TRACE_DISABLED": "true"}


def _outputs() -> list[str]:
    """What the stacks' outputs are called; no stack is asked, for what they say does not change the packages."""
    texts = [(ROOT / "infra" / name).read_text(encoding="utf-8") for name in ("stack.yaml", "functions.yaml")]
    return [name for text in texts for name in re.findall(r"^  (\w+):", text.split("\nOutputs:\n")[1], re.MULTILINE)]


def _row(what: str, environment: Mapping[str, str], work: str, how: str) -> list[str]:
    program = CHILD.replace("{work}", work)
    found = []
    for _ in range(TIMES + 1):
        command = [sys.executable, "-S", "-c", program]
        done = subprocess.run(command, env=dict(environment), capture_output=True, text=True, check=True)  # noqa: S603
        found.append(json.loads(done.stdout.splitlines()[-1]))
    cells = []
    for at in (0, 1):
        values = [each[at] * 1000 for each in found[1:]]  # the first one reads from the disk, or writes the bytecode
        cells += [f"{percentile(values, 50):.0f}", f"{percentile(values, 90):.0f}", f"{max(values):.0f}"]
    return [f"{what}; {how}", str(TIMES), *cells]
