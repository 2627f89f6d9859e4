"""The floors of the house: imports point one way."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ADAPTERS = ("salesforce", "postgres", "aws", "console")
CORE_LIBRARY = {
    "__future__",
    "abc",
    "base64",
    "binascii",
    "bisect",
    "collections",
    "contextlib",
    "dataclasses",
    "datetime",
    "decimal",
    "difflib",
    "enum",
    "functools",
    "hashlib",
    "itertools",
    "json",
    "math",
    "operator",
    "re",
    "string",
    "tomllib",
    "types",
    "typing",
    "unicodedata",
    "uuid",
}


def modules(folder: str) -> list[Path]:
    """The Python files below a folder of chalicelib."""
    return sorted((ROOT / "chalicelib" / folder).rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    """The full names of what a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import hides where it leads"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def within(name: str, packages: tuple[str, ...]) -> bool:
    """Whether a module is one of these packages, or in it."""
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def top(name: str) -> str:
    """The top-level package."""
    return name.split(".", 1)[0]


@pytest.mark.parametrize("path", modules("core"), ids=lambda path: str(path.relative_to(ROOT)))
def test_core_imports_nothing_of_the_world(path: Path) -> None:
    """Neither a library nor a clock, a file, randomness or a thread: what it needs is passed in."""
    for name in imports(path):
        if top(name) == "chalicelib":
            assert within(name, ("chalicelib.core",)) or name == "chalicelib"
        else:
            assert top(name) in CORE_LIBRARY, f"{path} imports {name}"


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_adapters_do_not_know_each_other(adapter: str) -> None:
    """Each knows the core and its own library, and nothing above."""
    for path in modules(adapter):
        for name in imports(path):
            if top(name) == "chalicelib":
                allowed = ("chalicelib.core", f"chalicelib.{adapter}")
                assert within(name, allowed) or name == "chalicelib", f"{path} imports {name}"
            assert top(name) not in {"app", "manage", "infra", "tests"}


@pytest.mark.parametrize(
    ("library", "adapter"),
    [
        ("psycopg", "postgres"),
        ("simple_salesforce", "salesforce"),
        ("defusedxml", "salesforce"),
        ("requests", "salesforce"),
        ("boto3", "aws"),
        ("botocore", "aws"),
        ("aws_lambda_powertools", "aws"),
    ],
)
def test_a_library_has_one_home(library: str, adapter: str) -> None:
    """Only its adapter imports it; installing talks to the database by its own cursor errors."""
    allowed = {ROOT / "chalicelib" / "jobs" / "installing.py"} if library == "psycopg" else set()
    users = {path for path in modules("") if any(top(name) == library for name in imports(path))}
    homes = {path for path in users if path.is_relative_to(ROOT / "chalicelib" / adapter)}
    assert homes
    assert users - homes <= allowed


def test_nothing_below_knows_the_entry_points() -> None:
    """app.py and manage.py stand on top, and import no more than they call."""
    for path in modules(""):
        assert not {"app", "manage"} & {top(name) for name in imports(path)}, path
    for entry in ("app.py", "manage.py"):
        names = {name for name in imports(ROOT / entry) if top(name) == "chalicelib"}
        below = tuple(f"chalicelib.{adapter}" for adapter in ("salesforce", "postgres", "aws", "jobs"))
        assert not any(within(name, below) for name in names), entry


@pytest.mark.parametrize("folder", ["jobs"])
def test_jobs_are_put_together_elsewhere(folder: str) -> None:
    """A job is given what it needs: it does not know the wiring."""
    above = (
        "chalicelib.cloud",
        "chalicelib.systems",
        "chalicelib.wiring",
        "chalicelib.webhooks",
        "chalicelib.commands",
        "chalicelib.console",
    )
    for path in modules(folder):
        assert not any(within(name, above) for name in imports(path)), path


def test_a_cold_start_loads_no_more_than_it_needs() -> None:
    """Importing the application loads neither database nor Salesforce nor AWS libraries."""
    heavy = ["psycopg", "simple_salesforce", "requests", "boto3", "botocore", "aws_lambda_powertools", "defusedxml"]
    code = f"import sys, app; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("part", "forbidden"),
    [
        ("webhooks", ["psycopg", "simple_salesforce", "requests"]),
        ("ledger", ["psycopg", "simple_salesforce", "requests"]),
        ("dead_letters", ["psycopg", "simple_salesforce"]),
    ],
)
def test_a_function_loads_only_its_own_libraries(part: str, forbidden: list[str]) -> None:
    """What takes messages in knows neither of the two systems' libraries."""
    code = (
        "import sys\n"
        "from chalicelib.core.errors import TwinledgerError\n"
        "from chalicelib.wiring import Wiring\n"
        "import os\n"
        "os.environ['AWS_DEFAULT_REGION'] = 'us-east-1'\n"
        "urls = {f'TWINLEDGER_{name}': 'http://127.0.0.1:9/x.fifo' for name in ('STAGE', 'LEDGER_TABLE',"
        " 'SALESFORCE_QUEUE_URL', 'POSTGRES_QUEUE_URL', 'BULK_QUEUE_URL', 'DATABASE_SECRET',"
        " 'SALESFORCE_SECRET', 'WEBHOOK_SECRET')}\n"
        "from chalicelib.aws.state import Installation\n"
        "from chalicelib.core.mapping import Mappings\n"
        "wiring = Wiring(urls)\n"
        "wiring._installed = (9e9, Installation(Mappings(()), '', '', '', '', 0.0))\n"
        f"part = wiring.{part}\n"
        "part() if callable(part) else part\n"
        f"print([name for name in {forbidden!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout.strip() == "[]"


def test_a_new_environment_imports_no_settle_step() -> None:
    """Before a call needs it: webhooks and schedules would pay for it at each cold start."""
    program = "import sys, app; print([name for name in sys.modules if name == 'chalicelib.core.settle'])"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout == "[]\n"
