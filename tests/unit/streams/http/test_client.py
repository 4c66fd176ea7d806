"""One POST: where it goes, how long it may take, and what it is never talked into."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from receiver import Receiver, Said, certificate, receiving

from streams.errors import UnreachableError
from streams.http.client import Answer, Client
from streams.http.reach import Reach

HERE = Reach((), (ip_network("127.0.0.1/32"),))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


def client(timeout_s: float = 20.0, ca_file: str | None = None) -> Client:
    return Client(HERE, ca_file, timeout_s)


def test_a_post_arrives_as_it_is(receiver: Receiver) -> None:
    """Path, query, headers and body."""
    answer = client().post(f"{receiver.url}/a/b?c=d", b"{}", {"X-Coral-Event": "1"})
    (got,) = receiver.got

    assert Answer(200) == answer
    assert ("/a/b?c=d", b"{}", "1") == (got.path, got.body, got.headers["x-coral-event"])
    assert f"127.0.0.1:{receiver.port}" == got.headers["host"]


def test_an_answer_that_is_no_success_says_why(receiver: Receiver) -> None:
    """Its beginning, whatever its length and its bytes."""
    receiver.answers.append(Said(503, (("Retry-After", "7"),), b"no room \xff" + b"x" * 9000))
    answer = client().post(receiver.url, b"", {})

    assert (503, 7.0, 2000) == (answer.status, answer.retry_after_s, len(answer.text))
    assert answer.text.startswith("no room \ufffd")


@pytest.mark.parametrize("after", ["Wed, 21 Oct 2026 07:28:00 GMT", "-1", "1e9", "9" * 400])
def test_a_strange_wait_is_none(receiver: Receiver, after: str) -> None:
    receiver.answers.append(Said(503, (("Retry-After", after),)))

    assert 0.0 == client().post(receiver.url, b"", {}).retry_after_s


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(receiver: Receiver, status: int) -> None:
    """Not even to where we may go."""
    with receiving() as other:
        receiver.answers.append(Said(status, (("Location", f"{other.url}/secret"),)))
        answer = client().post(receiver.url, b"", {})

        assert status == answer.status
        assert not other.got


def test_proxies_of_the_environment_are_not_used(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They would be connections that nobody configured here."""
    with receiving() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        client().post(receiver.url, b"", {})

        assert (1, 0) == (len(receiver.got), len(proxy.got))


def test_the_address_that_was_checked_is_the_one_that_is_connected_to(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that leads elsewhere when it is asked for again, is not asked for again."""
    asked, true = [], socket.getaddrinfo

    def rebinding(host: str, *rest: Any, **options: Any) -> Any:
        if host == "rebind.example":
            asked.append(host)
            host = "127.0.0.1" if len(asked) == 1 else "127.0.0.2"
        return true(host, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    with closing(socket.create_server(("127.0.0.2", receiver.port))) as inside:
        inside.setblocking(False)
        client().post(f"http://rebind.example:{receiver.port}/", b"", {})

        with pytest.raises(BlockingIOError):
            inside.accept()
    assert ["rebind.example"] == asked
    assert [f"rebind.example:{receiver.port}"] == [got.headers["host"] for got in receiver.got]


def test_nobody_there_is_said_in_words() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    with pytest.raises(UnreachableError, match="Connection refused"):
        client().post(f"http://127.0.0.1:{port}", b"", {})


def test_an_answer_that_never_comes_is_not_waited_for() -> None:
    """Connected, and then silence."""
    with (
        closing(socket.create_server(("127.0.0.1", 0))) as hole,
        pytest.raises(UnreachableError, match=r"no answer within 0\.2 s"),
    ):
        client(0.2).post(f"http://127.0.0.1:{hole.getsockname()[1]}", b"", {})


def test_an_answer_that_drips_is_not_waited_for(receiver: Receiver) -> None:
    """Each byte comes in time, and all of them would take a minute: the time is that of all."""
    receiver.answers.append(Said(500, body=b"x" * 1000, pause_s=0.06))

    answer = client(0.5).post(receiver.url, b"", {})
    assert 500 == answer.status
    assert len(answer.text) < 100


def test_a_status_that_drips_is_not_waited_for() -> None:
    """Nor do headers prolong it."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        ended = threading.Event()

        def drip() -> None:
            connection, _ = server.accept()
            with closing(connection), suppress(OSError):
                while not ended.wait(0.05):
                    connection.send(b"H")

        thread = threading.Thread(target=drip)
        thread.start()
        with pytest.raises(UnreachableError, match=r"no answer within 0\.5 s"):
            client(0.5).post(f"http://127.0.0.1:{server.getsockname()[1]}", b"", {})
        ended.set()
        thread.join(60)


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    """A certificate, and what shows it."""
    return certificate(tmp_path_factory.mktemp("tls"))


class TestTls:
    def test_a_certificate_that_nobody_vouches_for_is_refused(
        self, shown: tuple[Path, ssl.SSLContext]
    ) -> None:
        """Before anything is sent."""
        with receiving(shown[1]) as receiver:
            with pytest.raises(UnreachableError, match="its certificate is not valid: self-signed"):
                client().post(f"https://127.0.0.1:{receiver.port}", b"secret", {})
            assert not receiver.got

    def test_one_of_another_host_is_refused(self, shown: tuple[Path, ssl.SSLContext]) -> None:
        """Though it is trusted for its own."""
        with receiving(shown[1]) as receiver:
            with pytest.raises(UnreachableError, match="certificate is not valid: IP address mism"):
                client(ca_file=str(shown[0])).post(f"https://127.0.0.1:{receiver.port}", b"", {})
            assert not receiver.got

    def test_one_that_is_trusted_is_taken(
        self, shown: tuple[Path, ssl.SSLContext], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Under the name of its host, at the address that was checked."""
        true = socket.getaddrinfo
        here = {"localhost": "127.0.0.1"}
        monkeypatch.setattr(
            socket,
            "getaddrinfo",
            lambda host, *rest, **options: true(here.get(host, host), *rest, **options),
        )
        with receiving(shown[1]) as receiver:
            url = f"https://localhost:{receiver.port}/x"

            assert Answer(200) == client(ca_file=str(shown[0])).post(url, b"told", {})
            assert [b"told"] == [got.body for got in receiver.got]
