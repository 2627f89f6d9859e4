"""Create the two virtual environments: `.venv` for the project, `.local/emulator-venv` for the AWS emulator.

Run by the machine's own Python, before anything is installed: the standard library only. Both are of one Python
version, because chalice picks the wheels of the interpreter that runs it and the emulator runs the Lambdas on its own.
Nothing is done when nothing has changed.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import time
import venv
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = {
    ROOT / ".venv": ROOT / "requirements-dev.lock",
    ROOT / ".local" / "emulator-venv": ROOT / "infra" / "local" / "emulator-requirements.txt",
}
STAMP = "installed.sha256"


def wanted(requirements: Path) -> str:
    """What the stamp of an up-to-date environment says."""
    return hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()


def python_of(environment: Path) -> Path:
    """The environment's interpreter."""
    return environment / "bin" / "python"


def version_of(python: Path) -> str:
    """The version of an interpreter; empty when it does not run."""
    try:
        done = subprocess.run(
            [python, "-c", "import sys; print(sys.version)"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()


def up_to_date(environment: Path, requirements: Path) -> bool:
    """Whether nothing has changed since the environment was installed."""
    stamp = environment / STAMP
    return stamp.is_file() and stamp.read_text(encoding="ascii") == wanted(requirements)


def install(environment: Path, requirements: Path) -> None:
    """Bring `environment` to `requirements`.

    Raises:
        subprocess.CalledProcessError: pip failed.
    """
    if version_of(python_of(environment)) != sys.version:
        venv.create(environment, clear=True, with_pip=True)
    subprocess.run(
        [python_of(environment), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements],
        check=True,
    )
    (environment / STAMP).write_text(wanted(requirements), encoding="ascii")


def main() -> int:
    """Install both environments, side by side: most of the time goes into downloads."""
    began = time.monotonic()
    todo = {environment: file for environment, file in ENVIRONMENTS.items() if not up_to_date(environment, file)}

    def say(environment: Path, what: str) -> None:
        print(f"{time.monotonic() - began:7.1f} s  {environment.relative_to(ROOT)}: {what}", flush=True)

    for environment in ENVIRONMENTS:
        say(environment, "installing, for some minutes the first time" if environment in todo else "up to date")
    with ThreadPoolExecutor() as pool:
        running = {pool.submit(install, environment, file): environment for environment, file in todo.items()}
        for done in as_completed(running):
            environment = running[done]
            try:
                done.result()
            except (OSError, subprocess.CalledProcessError) as error:
                say(environment, f"could not be installed: {error}")
                return 1
            say(environment, f"installed for Python {sys.version.split()[0]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
