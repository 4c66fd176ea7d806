"""The files of the page: where they come from, how they are kept, and what they may do."""

import hashlib
import json
import re
import zipfile
from importlib.resources import files
from pathlib import Path

import pytest
from served import START, served

from coral.http.board import Board
from coral.http.page.routes import FOREVER, POLICY
from coral.settings import Secret
from streams.clock import ManualClock

ROOT = Path(__file__).parents[4]
STATIC = Path(str(files("coral.http.page") / "static"))
OWN = [path for path in STATIC.rglob("*") if path.is_file() and "vendor" not in path.parts]
MOST_BYTES = 700_000
TOKEN = "0123456789abcdef"  # noqa: S105 - of nobody


@pytest.fixture
def board() -> Board:
    return Board(ManualClock(START), 0)


def links(document: bytes) -> list[str]:
    """Addresses in the document."""
    return re.findall(r'(?:src|href)="([^"]+)"', document.decode())


def test_the_document_and_its_files(board: Board) -> None:
    """Below a prefix, by relative addresses, with a policy that lets nothing else be done."""
    with served(board, path_prefix="/a/coral") as ask:
        shell = ask("/a/coral/")
        found = [ask(f"/a/coral/{link}") for link in links(shell.body)]

    assert (200, POLICY) == (shell.status, shell.headers["content-security-policy"])
    assert "unsafe" not in POLICY
    assert 3 == len(found)
    assert {(200, FOREVER)} == {(each.status, each.headers["cache-control"]) for each in found}


def test_what_is_known_is_not_sent_again(board: Board) -> None:
    """Neither the document nor a file."""
    with served(board) as ask:
        for path in ("/", f"/{links(ask('/').body)[0]}"):
            etag = ask(path).headers["etag"]
            again = ask(path, if_none_match=f'"other", {etag}')
            assert (304, b"", etag) == (again.status, again.body, again.headers["etag"])


def test_the_prefix_alone_leads_to_the_page(board: Board) -> None:
    """With its slash, without which relative addresses begin elsewhere."""
    with served(board, path_prefix="/coral") as ask:
        answer = ask("/coral")
    assert 307 == answer.status
    assert answer.headers["location"].endswith("/coral/")


def test_the_page_needs_no_token_and_what_it_asks_does(board: Board) -> None:
    """It holds nothing of any system."""
    with served(board, token=Secret(TOKEN)) as ask:
        shell = ask("/")
        assert [200] * 3 == [ask(f"/{link}").status for link in links(shell.body)]
        assert 401 == ask("/api/v1/stream").status


@pytest.mark.parametrize(
    "path",
    ["../api.js", "%2e%2e/app.js", "index.html", "vendor", "", "vendor/manifest.json", "x.js"],
)
def test_only_what_is_listed_is_there(board: Board, path: str) -> None:
    """Nothing else of the disk, and no list."""
    with served(board) as ask:
        home = links(ask("/").body)[1].rpartition("/")[0]
        assert ask(f"/{home}/{path}").status in (404, 401)


def test_libraries_are_what_the_registry_has() -> None:
    """By their digests; each with its licence."""
    for vendor in (STATIC / "vendor", ROOT / "tests" / "browser" / "vendor"):
        listed = json.loads((vendor / "manifest.json").read_text())["files"]
        there = {str(path.relative_to(vendor)) for path in vendor.rglob("*") if path.is_file()}
        assert there - {"manifest.json"} == set(listed)
        for name, entry in listed.items():
            assert entry["sha256"] == hashlib.sha256((vendor / name).read_bytes()).hexdigest()
            assert entry["licence"]


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.name)
def test_nothing_is_asked_of_others_and_no_text_becomes_markup(path: Path) -> None:
    """No address of another host, no way for a name to be run; short files."""
    # A name space is no address.
    text = path.read_text().replace("http://www.w3.org/2000/svg", "")
    for word in ("://", "innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval("):
        assert word not in text, word
    for word in ("dangerouslySetInnerHTML", "style=", "new Function", "javascript:"):
        assert word not in text, word
    assert len(text.splitlines()) < 300


def test_the_wheel_grows_by_less_than_is_allowed(tmp_path: Path) -> None:
    """Packed as a wheel packs it, all of the page takes far less than 700 KB."""
    packed = tmp_path / "page.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as made:
        for path in STATIC.rglob("*"):
            made.write(path, path.relative_to(STATIC))
    assert packed.stat().st_size < MOST_BYTES
