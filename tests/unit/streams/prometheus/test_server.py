"""Asking a Prometheus: what stands before it, and what it may answer."""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import gates
import prometheus
import pytest
from debian import program
from gates import Gate, Reply
from prometheus import Prometheus
from shop_metrics import START, STEP_S, open_metrics

from coral.cli.prometheus_login import access_of
from coral.errors import CoralError
from coral.settings import Settings
from coral.settings.base import Secret
from coral.settings.connections import PrometheusHttp
from streams.clock import ManualClock, SystemClock
from streams.errors import PrometheusError, TooMuchAskedError
from streams.prometheus import Access, PrometheusServer, catalogue
from streams.prometheus.near import nothing_matches

# What bcrypt makes of `test`.
HASH = "$2b$12$hNf2lSsxfm0.i4a.1kVpSOVyBCfIB51VRjgBUyv6kdnyTlgWj81Ay"
SPAN = (float(START), START + 20.0 * STEP_S)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    with prometheus.holding(tmp_path_factory.mktemp("shop"), open_metrics(20)) as made:
        yield made


@pytest.fixture
def gate() -> Iterator[Callable[..., Gate]]:
    """Opens gates, which are closed at the end."""
    with ExitStack() as opened:
        yield lambda *replies: opened.enter_context(gates.opened(*replies))


OK = Reply(200, '{"status": "success", "data": ["shop"]}')
MANY = Reply(429, '{"status": "error", "errorType": "too_many_requests", "error": "wait"}')
BUSY = Reply(429, "slow down", {"Retry-After": "7"})


def jobs(url: str, clock: ManualClock | None = None, **more: Any) -> list[str]:
    """What a server at an address says its jobs are."""
    server = PrometheusServer(Access(url, **more), clock or ManualClock())
    return server.get("label/job/values", list[str])


class TestAddress:
    @pytest.mark.parametrize("behind", ["", "/", "/graph?g0.expr=up", "/api/v1", "/query"])
    def test_as_it_is_copied(self, shop: Prometheus, behind: str) -> None:
        """Out of a browser, with the page that it showed."""
        assert ["shop"] == jobs(f"http://127.0.0.1:{shop.port}{behind}")

    def test_prefix(self, tmp_path: Path) -> None:
        """A server behind a path; without the path the error says what may be wrong."""
        with prometheus.holding(tmp_path, open_metrics(20), path="/tools/prometheus") as made:
            address = f"http://127.0.0.1:{made.port}"
            assert ["shop"] == jobs(f"{address}/tools/prometheus/")
            for wrong in ("", "/prometheus"):
                with pytest.raises(PrometheusError, match="has another path prefix"):
                    jobs(f"{address}{wrong}")

    @pytest.mark.parametrize(
        "url", ["localhost:9090", "ftp://localhost", "http://", "http://[::1", "http://a:99999"]
    )
    def test_none(self, url: str) -> None:
        """What an address looks like is said."""
        with pytest.raises(PrometheusError, match="address such as http://localhost:9090 expected"):
            jobs(url)

    def test_a_login_in_it(self) -> None:
        """It is refused, and not repeated."""
        with pytest.raises(PrometheusError, match="no log-in expected") as raised:
            jobs("http://me:hunter2@localhost:9090")
        assert "hunter2" not in str(raised.value)

    def test_nobody_there(self) -> None:
        """At once: nothing that never answered is asked again."""
        clock = ManualClock()
        with pytest.raises(PrometheusError, match="nothing answers: Connection refused"):
            jobs("http://127.0.0.1:9", clock)
        assert 0.0 == clock.time()


class TestLogin:
    def test_what_is_sent(self, gate: Callable[..., Gate]) -> None:
        """Login and tenant."""
        made = gate(OK)
        tenant = {"X-Scope-OrgID": "a"}
        assert ["shop"] == jobs(made.url, authorization="Bearer t0k", headers=tenant)
        ((_, headers),) = made.asked
        assert ("Bearer t0k", "a") == (headers["authorization"], headers["x-scope-orgid"])

    @pytest.mark.parametrize(
        ("reply", "said"),
        [
            (Reply(401, "who?"), r"it wants a log-in, or another one \(status 401\)"),
            (Reply(403, "no"), r"this log-in may not read it \(HTTP status 403\)"),
            (Reply(302, "", {"Location": "https://login.example"}), "redirects to https://login"),
            (Reply(200, "<html>"), "no Prometheus, or has another path prefix"),
            (Reply(200, '{"status": "success", "data": 5}'), "no Prometheus, or has another"),
            (Reply(404, "nothing here"), r"path prefix \(HTTP status 404\)"),
            (Reply(400, '{"status": "error", "error": "bad \\u001b[31m"}'), r"bad \\x1b\[31m"),
        ],
    )
    def test_answers_that_are_none(
        self, gate: Callable[..., Gate], reply: Reply, said: str
    ) -> None:
        """Each in words; what the server says cannot leave its place, and the token is not said."""
        made = gate(reply)
        with pytest.raises(PrometheusError, match=said) as raised:
            jobs(made.url, authorization="Bearer t0k")
        assert 1 == len(made.asked)
        assert "t0k" not in str(raised.value)


class TestTryingAgain:
    def test_as_long_as_it_is_told(self, gate: Callable[..., Gate]) -> None:
        """`Retry-After` in seconds or as a date; without it longer every time."""
        clock = ManualClock(1_700_000_000.0)
        date = Reply(503, "", {"Retry-After": "Tue, 14 Nov 2023 22:13:47 GMT"})
        made = gate(BUSY, date, Reply(502), Reply(500), MANY, OK)

        assert ["shop"] == jobs(made.url, clock)
        assert 6 == len(made.asked)
        assert 1_700_000_000 + 7 + 20 + 4 + 8 + 16 == clock.time()

    def test_not_for_ever(self, gate: Callable[..., Gate]) -> None:
        """And never a minute at a time, whatever is asked for."""
        clock = ManualClock()
        made = gate(Reply(503, "", {"Retry-After": "86400"}))
        with pytest.raises(PrometheusError, match="HTTP status 503"):
            jobs(made.url, clock)
        assert (6, 300.0) == (len(made.asked), clock.time())

    @pytest.mark.parametrize(
        "reply",
        [
            Reply(
                422, '{"status": "error", "errorType": "execution", "error": "too many samples"}'
            ),
            Reply(503, '{"status": "error", "errorType": "timeout", "error": "timed out"}'),
            Reply(400, '{"errorType": "bad_data", "error": "exceeded maximum resolution"}'),
            Reply(422, "the query time range exceeds the limit"),
            Reply(504),
        ],
    )
    def test_too_much(self, gate: Callable[..., Gate], reply: Reply) -> None:
        """What will not pass by itself is not asked again."""
        made = gate(reply)
        with pytest.raises(TooMuchAskedError):
            jobs(made.url)
        assert 1 == len(made.asked)

    def test_an_answer_that_ends_too_soon(self, gate: Callable[..., Gate]) -> None:
        """Of a server that answers otherwise: it is asked again."""
        cut = Reply(200, OK.body[:20], {"Content-Length": "9999"})
        no_gzip = Reply(200, OK.body, {"Content-Encoding": "gzip"})
        made = gate(OK, cut, no_gzip, OK)
        server = PrometheusServer(Access(made.url), ManualClock())
        for _ in range(2):
            assert ["shop"] == server.get("label/job/values", list[str])
        assert 4 == len(made.asked)

    def test_what_is_remarked(self, gate: Callable[..., Gate]) -> None:
        """Once, the first few."""
        answers = ", ".join(f'"remark {number}"' for number in range(9))
        made = gate(Reply(200, f'{{"status": "success", "data": [], "warnings": [{answers}]}}'))
        server = PrometheusServer(Access(made.url), ManualClock())
        for _ in range(2):
            server.get("labels", list[str])
        assert [f"remark {number}" for number in range(5)] == server.warnings


def test_a_long_question(shop: Prometheus) -> None:
    """It goes into the body."""
    server = PrometheusServer(Access(f"http://127.0.0.1:{shop.port}"), ManualClock())
    names = "|".join(f"absent_{number}" for number in range(2000))
    asked = {
        "match[]": f'{{__name__=~"shop_errors_total|{names}"}}',
        "start": SPAN[0],
        "end": SPAN[1],
    }
    assert 1 == len(server.get("series", list[dict[str, str]], asked))


class TestNothingMatches:
    @pytest.mark.parametrize(
        ("selector", "said"),
        [
            ('{job="shpo"}', 'no job is "shpo"; did you mean `shop`?'),
            (
                "shop_eror_total",
                'no metric is "shop_eror_total"; did you mean `shop_errors_total`?',
            ),
            ('{jbo="shop"}', "no series has a label `jbo`; did you mean `job`?"),
            (
                '{service="checkout"}',
                'no service is "checkout"; there are `cart`, `db`, `pay`, `web`',
            ),
            ('shop_errors_total{service="db"}', "but not in one series"),
        ],
    )
    def test_what_may_be_meant(self, shop: Prometheus, selector: str, said: str) -> None:
        """The part that nothing has, and the nearest there is."""
        server = PrometheusServer(Access(f"http://127.0.0.1:{shop.port}"), ManualClock())
        with pytest.raises(PrometheusError) as raised:
            catalogue(server, [selector], SPAN, 100)
        assert said in str(raised.value)

    def test_another_time(self, shop: Prometheus) -> None:
        """A window without anything; the same series at other times."""
        server = PrometheusServer(Access(f"http://127.0.0.1:{shop.port}"), ManualClock())
        later = (SPAN[1] + 3600.0, SPAN[1] + 7200.0)
        assert "the server has no series at all then" in nothing_matches(server, "up", later)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority, and what it has signed for a server and its client, and an alien."""
    home = tmp_path_factory.mktemp("certificates")
    openssl = program("openssl", "openssl")
    new = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    new += ["-days", "2", "-nodes", "-addext", "subjectAltName=DNS:localhost"]
    for name, more in {
        "ca": ["-addext", "keyUsage=critical,keyCertSign"],
        "alien": ["-addext", "keyUsage=critical,keyCertSign"],
        "server": ["-CA", "ca.pem", "-CAkey", "ca.key"],
        "client": ["-CA", "ca.pem", "-CAkey", "ca.key"],
    }.items():
        files = ["-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj", f"/CN={name}"]
        subprocess.run([*new, *files, *more], cwd=home, check=True, capture_output=True)
    return home


@pytest.fixture(scope="module")
def guarded(certificates: Path) -> Iterator[int]:
    """The port of a server with TLS that wants a certificate and a password."""
    (certificates / "web.yml").write_text(
        json.dumps(
            {
                "tls_server_config": {
                    "cert_file": "server.pem",
                    "key_file": "server.key",
                    "client_ca_file": "ca.pem",
                    "client_auth_type": "RequireAndVerifyClientCert",
                },
                "basic_auth_users": {"coral": HASH},
            }
        )
    )
    flag = f"--web.config.file={certificates / 'web.yml'}"
    with prometheus.holding(certificates, open_metrics(20), flag) as made:
        yield made.port


class TestTls:
    def reached(self, port: int, host: str = "localhost", **settings: Any) -> list[str]:
        """Ask with these settings of the section `[prometheus]`."""
        settings = {"username": "coral", "password": Secret("test"), **settings}
        held = Settings(prometheus=PrometheusHttp(**settings))
        server = PrometheusServer(access_of(f"https://{host}:{port}", held), SystemClock())
        return server.get("label/job/values", list[str])

    def test_both_certificates_and_a_password(self, certificates: Path, guarded: int) -> None:
        """As the configuration names them."""
        files = {
            "tls_ca_file": str(certificates / "ca.pem"),
            "tls_cert_file": str(certificates / "client.pem"),
            "tls_key_file": str(certificates / "client.key"),
        }
        assert ["shop"] == self.reached(guarded, **files)
        assert ["shop"] == self.reached(guarded, "127.0.0.1", **files, tls_check_hostname=False)
        wrong: list[tuple[dict[str, Any], str]] = [
            ({"password": Secret("guess")}, r"wants a log-in, or another one"),
            ({"tls_ca_file": None}, "certificate is not trusted"),
            ({"tls_ca_file": str(certificates / "alien.pem")}, "certificate is not trusted"),
            ({"tls_cert_file": None, "tls_key_file": None}, "certificate"),
        ]
        for changed, said in wrong:
            with pytest.raises(PrometheusError, match=said):
                self.reached(guarded, **files | changed)
        with pytest.raises(PrometheusError, match=r"certificate is not trusted.*IP address"):
            self.reached(guarded, "127.0.0.1", **files)

    def test_files_that_are_none(self, certificates: Path, guarded: int) -> None:
        """They are named."""
        with pytest.raises(CoralError, match=r"PEM expected in .*web\.yml"):
            self.reached(guarded, tls_ca_file=str(certificates / "web.yml"))
