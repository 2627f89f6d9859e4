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


def install(environment: Path, requirements: Path) -> bool:
    """Bring `environment` to `requirements`; whether there was anything to do.

    Raises:
        subprocess.CalledProcessError: pip failed.
    """
    stamp = environment / STAMP
    if stamp.is_file() and stamp.read_text(encoding="ascii") == wanted(requirements):
        return False
    if version_of(python_of(environment)) != sys.version:
        venv.create(environment, clear=True, with_pip=True)
    subprocess.run(
        [python_of(environment), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements],
        check=True,
    )
    stamp.write_text(wanted(requirements), encoding="ascii")
    return True


def main() -> int:
    """Install both environments."""
    began = time.monotonic()
    for environment, requirements in ENVIRONMENTS.items():
        name = environment.relative_to(ROOT)
        try:
            done = install(environment, requirements)
        except subprocess.CalledProcessError as error:
            print(
                f"make setup: pip could not install {requirements.relative_to(ROOT)} into {name} ({error.returncode})"
            )
            return 1
        what = f"installed for Python {sys.version.split()[0]}" if done else "up to date"
        print(f"{time.monotonic() - began:7.1f} s  {name}: {what}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
