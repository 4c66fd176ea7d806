"""Who may ask: token, host name, methods, sizes, headers."""

import hmac
from pathlib import Path

import pytest
from served import START, served

from coral.http import guard
from coral.http.board import Board
from coral.settings import Secret, SettingsError, load
from streams.clock import ManualClock

TOKEN = "0123456789abcdef"  # noqa: S105 - of nobody
OPEN = ("/healthz", "/readyz")
CLOSED = ("/metrics", "/api/v1/status", "/api/v1/systems", "/openapi.json", "/nowhere")


@pytest.fixture
def board() -> Board:
    return Board(ManualClock(START), 0)


def test_a_token_opens_everything_but_probes_need_none(board: Board) -> None:
    """Missing, wrong, cut, of another kind: all the same answer."""
    given = {
        "": 401,
        "Bearer": 401,
        TOKEN: 401,
        f"Basic {TOKEN}": 401,
        f"Bearer {TOKEN[:-1]}": 401,
        f"Bearer {TOKEN}x": 401,
        "Bearer é": 401,
        f"Bearer {TOKEN}": 200,
    }
    with served(board, token=Secret(TOKEN)) as ask:
        assert [200, 503] == [ask(path).status for path in OPEN]
        for authorization, status in given.items():
            for path in CLOSED[:-1]:
                answer = ask(path, authorization=authorization)
                assert status == answer.status, (authorization, path)
            if status == 401:
                assert "Bearer" == answer.headers["www-authenticate"]
        # What is there and what is not cannot be told apart from outside.
        assert 401 == ask("/nowhere").status


def test_the_comparison_takes_the_same_time(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the standard library's way, over all of what was given."""
    seen, real = [], hmac.compare_digest

    def compare(given: bytes, expected: bytes) -> bool:
        seen.append((given, expected))
        return real(given, expected)

    monkeypatch.setattr(hmac, "compare_digest", compare)
    with served(board, token=Secret(TOKEN)) as ask:
        ask("/metrics", authorization="Bearer no")

    assert [(b"Bearer no", f"Bearer {TOKEN}".encode())] == seen


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("LOCALHOST:8080", 200),
        ("127.0.0.1:8080", 200),
        ("127.8.9.1", 200),
        ("[::1]:8080", 200),
        ("[::1]", 200),
        ("evil.example", 421),
        ("evil.example:8080", 421),
        ("localhost.evil.example", 421),
        ("192.168.1.1:8080", 421),
        ("", 421),
    ],
)
def test_a_page_that_renames_itself_reads_nothing(board: Board, host: str, status: int) -> None:
    """Without a token a browser could be led here by a name that resolves to this machine."""
    with served(board) as ask:
        assert status == ask("/api/v1/systems", host=host).status
        assert 200 == ask("/healthz", host=host).status


def test_with_a_token_the_host_name_does_not_matter(board: Board) -> None:
    """Behind an ingress it is another one."""
    with served(board, token=Secret(TOKEN)) as ask:
        answer = ask("/api/v1/systems", host="coral.example", authorization=f"Bearer {TOKEN}")
    assert 200 == answer.status


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_nothing_can_be_changed(board: Board, method: str) -> None:
    """Only reading is known."""
    with served(board) as ask:
        assert {405} == {ask(path, method).status for path in (*OPEN, *CLOSED[:-1])}


def test_what_is_sent_is_not_taken(board: Board) -> None:
    """A body is refused before it is read, a long head too."""
    with served(board) as ask:
        assert 413 == ask("/metrics", "GET", "x" * 100_000).status
        assert 413 == ask("/metrics", "POST", "x" * (guard.LONGEST_BODY + 1)).status
        assert 411 == ask("/metrics", transfer_encoding="chunked").status
        assert 400 == ask("/metrics", content_length="-1").status
        assert 431 == ask("/metrics", cookie="x" * 50_000).status
        assert 431 == ask(f"/metrics?{'x' * 50_000}").status
        assert 200 == ask("/healthz").status


def test_every_answer_says_what_browsers_must_not_do(board: Board) -> None:
    """Those that refuse, too."""
    with served(board) as ask:
        for answer in (*map(ask, (*OPEN, *CLOSED)), ask("/metrics", "POST"), ask("/x", host="e")):
            told = answer.headers
            assert guard.HEADERS.items() <= told.items()
            assert "server" not in told
            assert "access-control-allow-origin" not in told


def test_others_are_let_in_with_a_token_only(tmp_path: Path) -> None:
    """Unless that is said in so many words; the default is this machine alone."""
    assert load().settings.http.is_loopback
    for host in ("0.0.0.0", "::", "10.0.0.1", "coral.example"):  # noqa: S104 - is refused
        with pytest.raises(SettingsError, match="allow_without_token"):
            load(None, {}, [f"http.host={host}"])
        load(None, {}, [f"http.host={host}", f"http.token={TOKEN}"])
        load(None, {}, [f"http.host={host}", "http.allow_without_token=true"])
        load(None, {}, [f"http.host={host}", "http.enabled=false"])
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    http = load(None, {"CORAL_HTTP__TOKEN_FILE": str(file)}).settings.http
    assert Secret(TOKEN) == http.token


@pytest.mark.parametrize("token", ["short", "with a blank in it", "0123456789abcdeé", "=" * 20])
def test_a_token_that_is_none_is_refused(token: str) -> None:
    """Without being shown."""
    with pytest.raises(SettingsError, match="16 letters") as caught:
        load(None, {"CORAL_HTTP__TOKEN": token})
    assert token not in str(caught.value)


@pytest.mark.parametrize("prefix", ["coral", "/coral/", "/", "/a//b", "/a b", "/<x>"])
def test_a_prefix_begins_with_a_slash_and_ends_without(prefix: str) -> None:
    """And has nothing in it that needs escaping."""
    with pytest.raises(SettingsError, match="path_prefix"):
        load(None, {}, [f"http.path_prefix={prefix}"])
