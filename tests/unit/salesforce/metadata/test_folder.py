"""A package's folder: written again at will, and nobody else's file is touched."""

from pathlib import Path

import pytest

from chalicelib.core.errors import ConfigurationError
from chalicelib.salesforce.metadata.folder import LIST, write

FIRST = {"README.md": "page\n", "a/b/one.xml": "<one/>\n", "a/two.xml": "<two/>\n"}


def content(folder: Path) -> dict[str, str]:
    """Every file, without the list."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != LIST)
    return {path.relative_to(folder).as_posix(): path.read_text() for path in files}


def test_is_written_once(tmp_path: Path) -> None:
    """The second time nothing changes, not even the list."""
    folder = tmp_path / "new" / "package"
    assert write(folder, FIRST) == sorted(FIRST)
    listed = (folder / LIST).read_bytes()
    assert write(folder, FIRST) == []
    assert content(folder) == FIRST
    assert (folder / LIST).read_bytes() == listed


def test_what_is_no_longer_part_of_it_goes(tmp_path: Path) -> None:
    """With its folder where that is empty; other people's files stay where they are."""
    write(tmp_path, FIRST)
    (tmp_path / "a" / "mine.xml").write_text("mine")
    later = {"README.md": "another\n", "a/two.xml": "<two/>\n"}
    assert write(tmp_path, later) == ["README.md", "a/b/one.xml"]
    assert content(tmp_path) == later | {"a/mine.xml": "mine"}
    assert not (tmp_path / "a" / "b").exists()


@pytest.mark.parametrize("edited", ["README.md", "a/b/one.xml"])
def test_an_edited_file_is_left_alone(tmp_path: Path, edited: str) -> None:
    """Also one that would be removed; then nothing at all is written."""
    write(tmp_path, FIRST)
    (tmp_path / edited).write_text("edited")
    before = content(tmp_path)
    with pytest.raises(ConfigurationError, match=f"{edited} is not as this command wrote it"):
        write(tmp_path, {"README.md": "another\n", "c.xml": "<c/>"})
    assert content(tmp_path) == before


def test_a_file_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    """Where nothing was written before; all of them are named."""
    (tmp_path / "README.md").write_text("mine")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "two.xml").write_text("mine")
    with pytest.raises(ConfigurationError) as refused:
        write(tmp_path, FIRST)
    assert len(str(refused.value).splitlines()) == 2
    assert sorted(content(tmp_path)) == ["README.md", "a/two.xml"]


def test_is_finished_after_it_was_cut_short(tmp_path: Path) -> None:
    """Files that are as they are to be written are ours, though no list says so."""
    (tmp_path / "README.md").write_text("page\n")
    assert write(tmp_path, FIRST) == ["a/b/one.xml", "a/two.xml"]
    assert content(tmp_path) == FIRST


@pytest.mark.parametrize("text", ["no JSON", "[]", '{"README.md": 1}'])
def test_a_list_that_is_not_ours(tmp_path: Path, text: str) -> None:
    """It vouches for nothing."""
    (tmp_path / LIST).write_text(text)
    with pytest.raises(ConfigurationError, match=LIST):
        write(tmp_path, FIRST)


def test_a_folder_in_the_place_of_a_file(tmp_path: Path) -> None:
    """Is told of."""
    (tmp_path / "README.md").mkdir()
    with pytest.raises(ConfigurationError, match="is a folder"):
        write(tmp_path, FIRST)


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    """With the system's reason."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match=r"cannot be written \(File exists\)"):
        write(tmp_path / "file", FIRST)
