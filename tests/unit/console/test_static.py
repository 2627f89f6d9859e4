"""Files that browsers keep."""

import re

import pytest

from chalicelib.console.static import FOLDER, TYPES, names
from tests.unit.console.bench import Bench


@pytest.mark.parametrize("name", sorted(names()))
def test_a_file_is_kept_for_ever(bench: Bench, name: str) -> None:
    """Under a name that changes with it."""
    response = bench.send("GET", f"/console/static/{names()[name]}")
    assert response.body == (FOLDER / name).read_text(encoding="utf-8")
    assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert response.content_type == TYPES[(FOLDER / name).suffix]
    assert bench.send("GET", f"/console/static/{name}").status == 404


@pytest.mark.parametrize("name", ["..%2Fgate.py", "gate.py", ".css", "htmx.LICENSE.txt"])
def test_nothing_else_is_served(bench: Bench, name: str) -> None:
    """Whatever it is called."""
    assert bench.send("GET", f"/console/static/{name}").status == 404


def test_pages_load_nothing_from_elsewhere(bench: Bench) -> None:
    """Nor have they scripts or styles of their own."""
    body = bench.browser("ann").get("/console/overview").body
    for address in re.findall(r'(?:src|href|action)="([^"]*)"', body):
        assert address.startswith(("/api/console/", "#")), address
    assert re.search(r"<style|<script(?! src=)|\sstyle=|\son\w+=|javascript:", body) is None


def test_the_library_is_whole() -> None:
    """As it was published: version 2.0.11, with its licence."""
    assert '"2.0.11"' in (FOLDER / "htmx.min.js").read_text(encoding="utf-8")
    assert "Zero-Clause BSD" in (FOLDER / "htmx.LICENSE.txt").read_text(encoding="utf-8")
