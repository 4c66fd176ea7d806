"""Configuration: precedence, every message, secrets, schema, and kafka-python's own names."""

import functools
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from typed import there

from coral.cli.main import main
from coral.daemon.connection import connection_of
from coral.errors import Exit
from coral.settings import Secret, Settings, SettingsError, as_toml, load
from coral.settings.connections import Kafka
from coral.settings.load import Loaded
from coral.settings.schema import SCHEMA, json_schema
from coral.settings.start import start_of
from streams.clock import SystemClock
from streams.codec import DEFAULT_MAPPINGS
from streams.errors import TokenError
from streams.grid import Grid

ROOT = Path(__file__).parents[3]
DOCS = (ROOT / "docs" / "reference" / "configuration.md").read_text()
EXAMPLE = there(re.search(r"<!-- example -->\n```toml\n(.*?)```", DOCS, re.DOTALL))[1]
PASSWORD = "hunter2-and-more"  # noqa: S105 - what must never be seen


def loaded(
    tmp_path: Path,
    text: str = "",
    environment: dict[str, str] | None = None,
    flags: Sequence[str] = (),
) -> Loaded:
    file = tmp_path / "coral.toml"
    file.write_text(text)
    return load(file, environment or {}, flags)


def problems(
    tmp_path: Path,
    text: str = "",
    environment: dict[str, str] | None = None,
    flags: Sequence[str] = (),
) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        loaded(tmp_path, text, environment, flags)
    assert PASSWORD not in str(caught.value)
    assert PASSWORD not in repr(caught.value)
    return [str(problem) for problem in caught.value.problems]


class TestPrecedence:
    FILE = '[kafka]\ngroup_id = "file"\n'
    VARIABLE = {"CORAL_KAFKA__GROUP_ID": "environment"}  # noqa: RUF012 - a constant
    FLAGS = ("kafka.group_id=flag",)

    @pytest.mark.parametrize(
        ("text", "environment", "flags", "value", "source"),
        [
            ("", {}, (), "coral", None),
            (FILE, {}, (), "file", "coral.toml:kafka.group_id"),
            (FILE, VARIABLE, (), "environment", "CORAL_KAFKA__GROUP_ID"),
            (FILE, VARIABLE, FLAGS, "flag", "--set kafka.group_id"),
            ("", {}, FLAGS, "flag", "--set kafka.group_id"),
        ],
    )
    def test_flags_environment_file_default(
        self,
        tmp_path: Path,
        text: str,
        environment: dict[str, str],
        flags: tuple[str, ...],
        value: str,
        source: str | None,
    ) -> None:
        """The nearest to the command wins, and is named as the source."""
        found = loaded(tmp_path, text, environment, flags)

        assert value == found.settings.kafka.group_id
        assert source == found.sources.get(("kafka", "group_id"))

    def test_types_in_the_environment(self, tmp_path: Path) -> None:
        """Text becomes what the key asks for: lists, numbers, booleans, tables."""
        found = loaded(
            tmp_path,
            environment={
                "CORAL_KAFKA__BOOTSTRAP_SERVERS": "a:1, b:2",
                "CORAL_KAFKA__TLS_CHECK_HOSTNAME": "false",
                "CORAL_STATE__INTERVAL_S": "1.5",
                "CORAL_ENGINE__BASE_ROWS": "128",
                "CORAL_INPUT__TOPICS": '{"a.b": {"format": "influx", "combine": {"m*": "max"}}}',
            },
        ).settings

        assert ("a:1", "b:2") == found.kafka.bootstrap_servers
        assert found.kafka.tls_check_hostname is False
        assert (1.5, 128) == (found.state.interval_s, found.engine.base_rows)
        assert {"m*": "max"} == found.input.topics["a.b"].combine

    def test_tables_in_the_environment(self, tmp_path: Path) -> None:
        """A system whose name is lower case can be set by a variable."""
        found = loaded(tmp_path, environment={"CORAL_SYSTEMS__SHOP__INTERVAL_S": "5"}).settings

        assert 5.0 == found.grid("shop").interval_s

    def test_tables_are_merged(self, tmp_path: Path) -> None:
        """A flag may add one key to a topic of the file."""
        text = '[input.topics."a.b"]\nformat = "influx"\n'
        found = loaded(tmp_path, text, flags=['input.topics."a.b".time_unit=ms']).settings

        assert ("influx", "ms") == (
            found.input.topics["a.b"].format,
            found.input.topics["a.b"].time_unit,
        )

    def test_foreign_variables_are_ignored(self, tmp_path: Path) -> None:
        """Kubernetes and our own tests use names with single underscores."""
        names = ("CORAL_SERVICE_HOST", "CORAL_PORT_9092_TCP", "CORAL_TEST_KAFKA", "PATH")

        assert Settings() == loaded(tmp_path, environment=dict.fromkeys(names, "x")).settings

    def test_no_file_is_needed(self) -> None:
        """Everything has a default."""
        assert Settings() == load().settings


class TestProblems:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            (
                "[kafka]\nbootstrap_server = []",
                "server: known key expected, got `bootstrap_server`; did you mean `bootstrap_ser",
            ),
            (
                "[outptu]",
                "coral.toml:outptu: known key expected, got `outptu`; did you mean `output`?",
            ),
            ("kafka = 3", "coral.toml:kafka: table expected, got integer"),
            (
                "[kafka]\nbootstrap_servers = []",
                "bootstrap_servers: non-empty list of text expected, got []",
            ),
            (
                "[kafka]\nbootstrap_servers = ['a', 1]",
                "bootstrap_servers[1]: non-empty text expected, got 1",
            ),
            (
                "[kafka]\nsecurity_protocol = 'SASL_SLL'",
                "SASL_PLAINTEXT, SASL_SSL expected, got 'SASL_SLL'; did you mean `SASL_SSL`?",
            ),
            ("[limits]\nmax_series = 0", "limits.max_series: integer >= 1 expected, got 0"),
            ("[limits]\nmax_series = '5'", "limits.max_series: integer >= 1 expected, got '5'"),
            (
                "[engine]\nbase_rows = 3",
                "coral.toml:engine.base_rows: integer >= 64 expected, got 3",
            ),
            ("[systems.a]\ninterval_s = -1", "systems.a.interval_s: number > 0 expected, got -1"),
            ("[systems.a]\nkpi = ['cpu']", "systems.a.kpi[0]: name of the form <entity>:<metric>"),
            (
                "[systems.a]\nedges = [['a']]",
                "systems.a.edges[0]: [text, text] expected, got ['a']",
            ),
            ("[systems.a]\nedges = [['a:b', 'c']]", "entities expected, which hold no `:`, got ["),
            (
                "[systems.a]\norder = ['a:b']",
                "order[0]: entities expected, which hold no `:`, got 'a",
            ),
            (
                "[systems.a]\nforbidden_edges = [['a', 'a']]",
                "systems.a.forbidden_edges[0]: two entities expected, got ['a', 'a']",
            ),
            (
                "[systems.a]\nedges = [['a', 'b']]\nforbidden_edges = [['a', 'b']]",
                "systems.a.edges[0]: pair that is not forbidden as well expected, got ['a', 'b']",
            ),
            (
                "[systems.a]\nrequired_edges = [['web', 'db']]\norder = ['web', 'db']",
                "required_edges[0]: pair that `order` allows expected, got ['web', 'db']",
            ),
            (
                "[input.topics.a]\nformat = 'otlp'",
                "prometheus_json, collectd_json expected, got 'otlp'; did you mean `otlp_json`?",
            ),
            (
                "[input.topics.a]\nformat = 'influx'\nentity = ['{host']",
                "topics.a.entity[0]: text with {label} fields expected, got '{host'",
            ),
            (
                "[input.topics.a]\nsplit = ['x']",
                "topics.a.split: nothing expected with format native, got ['x']",
            ),
            (
                "[input.topics.a]\nformat = 'influx'\ncombine = {x = 'avg'}",
                "topics.a.combine.x: one of sum, mean, max, min expected, got 'avg'",
            ),
            ("[input.topics.'a b']", """coral.toml:input.topics."a b": text matching `^[a-z"""),
            ("[output]\nincidents = 'a b'", "output.incidents: text matching `^[a-z"),
            (
                "[output]\ndead_letters = 'coral.metrics.v1'",
                "output.dead_letters: topic other than that of `input.topics` expected",
            ),
            (
                "[output]\ndead_letters = 'x'\nincidents = 'x'",
                "output.dead_letters: topic other than that of `output.incidents` expected",
            ),
            (
                "[state]\npublish = 'exactly-once'",
                "state.publish: at-least-once, or `state.store` kafka, expected",
            ),
            (
                "[kafka]\nsecurity_protocol = 'SASL_SSL'",
                "kafka.sasl_mechanism: a value expected with security_protocol SASL_SSL, got noth",
            ),
            (
                "[kafka]\nsecurity_protocol = 'SASL_SSL'\nsasl_mechanism = 'PLAIN'",
                "kafka.sasl_username: a value expected with PLAIN, got nothing",
            ),
            (
                "[kafka]\nsecurity_protocol = 'SASL_SSL'\nsasl_mechanism = 'OAUTHBEARER'",
                "kafka.oauth_client_secret: a value expected with OAUTHBEARER, got nothing",
            ),
            (
                "[kafka]\nsasl_username = 'x'",
                "kafka.sasl_username: nothing expected with security_protocol PLAINTEXT",
            ),
            ("[kafka]\noauth_token_url = 'http://x'", "https address expected, got 'http://x'"),
            ("[kafka]\ntls_ca_file = 'none.pem'", "tls_ca_file: file that can be read expected"),
            (
                "[kafka]\ntls_ca_file = 'none.pem'",
                "tls_ca_file: nothing expected with security_protocol PLAINTEXT",
            ),
            ("[kafka]\ntls_key_file = 'k.pem'", "tls_cert_file: the certificate of `tls_key_file`"),
            (
                "[prometheus]\ntls_key_file = 'k.pem'",
                "prometheus.tls_cert_file: the certificate of `tls_key_file` expected, got nothing",
            ),
            (
                "[prometheus]\nusername = 'me'",
                "prometheus.password: both `username` and `password` expected, got one of them",
            ),
            (
                "[prometheus]\nusername = 'me'\npassword = 'x'\ntoken = 't'",
                "prometheus.username: nothing expected beside `token`, got a value",
            ),
            (
                "[prometheus]\nheaders = {'a b' = 'x'}",
                "prometheus.headers: names and values that HTTP knows expected, got 'a b'",
            ),
            (
                "[prometheus]\nheaders = {Authorization = 'x'}",
                "prometheus.headers: `token`, or `username` and `password`, which are not sh",
            ),
            ("[kafka\n", "TOML expected, got Expected ']' at the end of a table"),
        ],
    )
    def test_in_the_file(self, tmp_path: Path, text: str, expected: str) -> None:
        """Place, rule and value."""
        assert expected in "\n".join(problems(tmp_path, text))

    @pytest.mark.parametrize(
        ("name", "text", "expected"),
        [
            ("CORAL_KAFKA__GROUPID", "x", ": known key expected, got `groupid`; did you mean `gr"),
            ("CORAL_KAFAK__GROUP_ID", "x", ": known key expected, got `kafak`; did you mean `ka"),
            ("CORAL_KAFKA_GROUP_ID", "x", ": `CORAL_KAFKA__GROUP_ID` expected, with two undersc"),
            ("CORAL_LIMITS__MAX_SERIES", "0", ": integer >= 1 expected, got '0'"),
            ("CORAL_LIMITS__MAX_SERIES", "x", ": integer >= 1 expected, got 'x'"),
            ("CORAL_KAFKA__GROUP_ID", "", ": non-empty text expected, got ''"),
            ("CORAL_INPUT__TOPICS", "{", ": JSON expected, got '{'"),
            ("CORAL_INPUT__TOPICS", '{"a": {"x": 1}}', ": input.topics.a.x: known key expected"),
        ],
    )
    def test_in_the_environment(self, tmp_path: Path, name: str, text: str, expected: str) -> None:
        """The name of the variable is the place."""
        (problem,) = problems(tmp_path, environment={name: text})

        assert problem.startswith(name + expected)

    @pytest.mark.parametrize("flag", ["kafka.group_id", "=x", "a b=c", "", "[kafka]\nx=1"])
    def test_in_flags(self, tmp_path: Path, flag: str) -> None:
        """What is no assignment is refused without being repeated."""
        (problem,) = problems(tmp_path, flags=[flag])

        assert "--set: <section>.<key>=<value> expected, got something else" == problem

    def test_one_value_per_key(self, tmp_path: Path) -> None:
        """Two flags for one key are a mistake, not a choice."""
        found = problems(tmp_path, flags=["log.level=info", "log.level=error"])

        assert ["--set log.level: one value for `log.level` expected, got another"] == found

    def test_all_at_once(self, tmp_path: Path) -> None:
        """Problems of all places come together, and none follows from another."""
        found = problems(
            tmp_path,
            "[kafka]\nsecurity_protocol = 'x'\nsasl_username = 'u'\n[engine]\nmax_causes = 0\n"
            "[systems.a]\nkpi = ['x']",
            {"CORAL_LOG__LEVEL": "loud"},
            ["state.keep=0"],
        )

        places = [problem.partition(": ")[0] for problem in found]
        expected = ["coral.toml:kafka.security_protocol", "coral.toml:engine.max_causes"]
        expected += ["CORAL_LOG__LEVEL", "--set state.keep", "coral.toml:systems.a.kpi[0]"]
        assert expected == places

    def test_every_part_of_a_value_is_named(self, tmp_path: Path) -> None:
        """Two bad items of a list, and a bad value of a table, each at its own place."""
        found = problems(
            tmp_path,
            "[systems.a]\nedges = [['a'], ['a', 'b'], ['a', 3]]\n"
            "[input.topics.a]\nformat = 'influx'\ncombine = {'m*' = 'sun', n = 'sum'}\n",
            {"CORAL_SYSTEMS__B__KPI": "web:errors, web"},
        )

        combine = "one of sum, mean, max, min expected, got 'sun'; did you mean `sum`?"
        assert found == [
            "coral.toml:systems.a.edges[0]: [text, text] expected, got ['a']",
            "coral.toml:systems.a.edges[2][1]: non-empty text expected, got 3",
            f'coral.toml:input.topics.a.combine."m*": {combine}',
            "CORAL_SYSTEMS__B__KPI[1]: name of the form <entity>:<metric> expected, got 'web'",
        ]

    def test_what_every_system_has_wrong_is_told_once(self, tmp_path: Path) -> None:
        """Not once more for each system that takes it from "*"."""
        text = "[systems.'*']\nkpi = ['web']\n[systems.a]\n[systems.b]\ninterval_s = 1"
        (problem,) = problems(tmp_path, text)

        assert problem.startswith('coral.toml:systems."*".kpi[0]: name of the form')

    def test_problems_carry_their_key(self, tmp_path: Path) -> None:
        """For programs; the place is for people."""
        with pytest.raises(SettingsError) as caught:
            loaded(tmp_path, "[engine]\nmax_causes = 101\n[systems.a]\nkpi = ['web']")

        assert [("engine", "max_causes"), ("systems", "a", "kpi")] == [
            problem.path for problem in caught.value.problems
        ]

    def test_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        """It is named, with the reason."""
        with pytest.raises(SettingsError, match=r"none\.toml: file that can be read expected"):
            load(tmp_path / "none.toml")


SASL = (
    "[kafka]\nsecurity_protocol = 'SASL_PLAINTEXT'\nsasl_mechanism = 'PLAIN'\nsasl_username='u'\n"
)


class TestSecrets:
    @pytest.mark.parametrize("way", ["file", "key_file", "variable", "variable_file", "flag"])
    def test_every_way_to_give_one(self, tmp_path: Path, way: str) -> None:
        """It arrives, and is shown nowhere."""
        held = tmp_path / "password"
        held.write_text(PASSWORD + "\n")
        text, environment, flags = SASL, {}, []
        if way == "file":
            text += f"sasl_password = '{PASSWORD}'"
        elif way == "key_file":
            text += f"sasl_password_file = '{held}'"
        elif way == "variable":
            environment["CORAL_KAFKA__SASL_PASSWORD"] = PASSWORD
        elif way == "variable_file":
            environment["CORAL_KAFKA__SASL_PASSWORD_FILE"] = str(held)
        else:
            flags.append(f"kafka.sasl_password={PASSWORD}")
        found = loaded(tmp_path, text, environment, flags)

        assert PASSWORD == there(found.settings.kafka.sasl_password).reveal()
        for effective in (True, False):
            assert "********" in as_toml(found, effective=effective)
            assert PASSWORD not in as_toml(found, effective=effective)
        assert PASSWORD not in f"{found!r} {found.settings.kafka} {found.settings.kafka!r}"

    def test_the_nearest_wins_whichever_form_it_has(self, tmp_path: Path) -> None:
        """A file named by the environment overrides a value in the TOML file."""
        held = tmp_path / "password"
        held.write_text("new")
        variable = {"CORAL_KAFKA__SASL_PASSWORD_FILE": str(held)}
        found = loaded(tmp_path, SASL + f"sasl_password = '{PASSWORD}'", variable)

        assert Secret("new") == found.settings.kafka.sasl_password

    @pytest.mark.parametrize(
        ("lines", "expected"),
        [
            ("sasl_password = 5", "sasl_password: non-empty text expected, got integer"),
            ("sasl_password = ''", "sasl_password: non-empty text expected, got ''"),
            (
                f"sasl_password_file = '{PASSWORD}'",
                "sasl_password_file: file that can be read expected, got No such file",
            ),
            (
                f"sasl_password = '{PASSWORD}'\nsasl_password_file = '/dev/null'",
                "one value for `kafka.sasl_password` expected, got another",
            ),
            (f"sasl_passwort = '{PASSWORD}'", "did you mean `sasl_password`?"),
            (f"oauth_client_secret = '{PASSWORD}'", "nothing expected with PLAIN, got a value"),
        ],
    )
    def test_messages_do_not_show_it(self, tmp_path: Path, lines: str, expected: str) -> None:
        """Whatever is wrong, also when it stands in the wrong key."""
        assert expected in "\n".join(problems(tmp_path, SASL + lines))


class TestSettings:
    def test_the_documented_example(self, tmp_path: Path) -> None:
        """It is sound, and means what it says."""
        held = tmp_path / "password"
        held.write_text("x")
        variable = {"CORAL_KAFKA__SASL_PASSWORD_FILE": str(held)}
        found = loaded(tmp_path, EXAMPLE, variable).settings

        assert ["otlp_metrics", "telegraf.hosts"] == list(found.input.topics)
        assert ("{k8s.cluster.name}",) == there(found.input.topics["otlp_metrics"].mapping).system
        assert 10.0 == found.system("shop").interval_s
        assert ("shop/cart", "shop/web") in found.system("shop").causal_edges
        assert ("other", 10.0, ()) == (
            found.system("other").name,
            found.system("other").interval_s,
            found.system("other").kpi,
        )

    def test_every_system_sets_what_a_system_does_not(self, tmp_path: Path) -> None:
        """Key by key."""
        text = "[systems.'*']\ninterval_s = 5\nlateness_s = 7\n[systems.a]\ninterval_s = 1"
        found = loaded(tmp_path, text).settings

        assert [Grid(1.0, 7.0), Grid(5.0, 7.0)] == [found.grid("a"), found.grid("b")]

    def test_what_is_named_is_named_in_full(self, tmp_path: Path) -> None:
        """Rules that go with the defaults end where the configuration says it itself."""
        lines = """
            [input.topics.a]
            format = "prometheus_json"
            [input.topics.b]
            format = "prometheus_json"
            entity = ["{job}"]
            split = ["code"]
            [input.topics.c]
            format = "telegraf_json"
            counters = ["mem.x"]
            """
        topics = loaded(tmp_path, lines).settings.input.topics
        a, b, c = (there(topics[name].mapping) for name in "abc")

        assert ("node_*" in a.machine, "code" in a.status) == (True, True)
        assert ((), ()) == (b.machine, b.status)
        assert (("mem.x",), ()) == (c.counters, c.gauges)

    def test_mappings(self, tmp_path: Path) -> None:
        """A topic changes what it sets and leaves the rest to its format."""
        text = "[input.topics.a]\nformat = 'influx'\nsplit = ['cpu']\n[input.topics.b]"
        topics = loaded(tmp_path, text).settings.input.topics

        assert ("cpu",) == there(topics["a"].mapping).split
        assert DEFAULT_MAPPINGS["influx"].counters == there(topics["a"].mapping).counters
        assert topics["b"].mapping is None

    def test_what_is_printed_can_be_read(self, tmp_path: Path) -> None:
        """Round trip, apart from secrets."""
        text = EXAMPLE.replace("SASL_SSL", "SSL").replace('sasl_mechanism = "SCRAM-SHA-512"\n', "")
        text = re.sub("sasl_username.*\n", "", text) + '[input.topics."empty"]\n'
        found = loaded(tmp_path, text)
        for effective in (True, False):
            printed = as_toml(found, effective=effective)
            assert found.settings == loaded(tmp_path, printed).settings


class TestSchema:
    def test_is_up_to_date(self) -> None:
        """`python -m coral.settings.schema` would not change it."""
        assert json.loads(json.dumps(json_schema())) == json.loads(SCHEMA.read_text())

    def test_accepts_the_example_and_refuses_a_typo(self) -> None:
        """An editor says so before CORAL does."""
        validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))
        held = tomllib.loads(EXAMPLE)

        assert [] == list(validator.iter_errors(held))
        held["kafka"]["bootstrap_server"] = "x"
        held["kafka"]["sasl_password_file"] = "password"  # noqa: S105 - a file
        assert 1 == len(list(validator.iter_errors(held)))

    def test_docs_are_up_to_date(self) -> None:
        """`python tools/docs/configuration.py` would not change them."""
        script = ROOT / "tools" / "docs" / "configuration.py"
        done = subprocess.run([sys.executable, script, "--check"], check=False)

        assert 0 == done.returncode


SECURE = {
    "tls_ca_file": "ca",
    "tls_cert_file": "cert",
    "tls_key_file": "key",
    "tls_key_password": Secret("k"),
    "sasl_username": "u",
    "sasl_password": Secret("p"),
}


@functools.cache
def client_names() -> set[str]:
    """Options that consumers, producers and admin clients share."""
    code = (
        "import json, kafka\n"
        "clients = kafka.KafkaConsumer, kafka.KafkaProducer, kafka.KafkaAdminClient\n"
        "print(json.dumps([*set.intersection(*(set(c.DEFAULT_CONFIG) for c in clients))]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    return set(json.loads(done.stdout))


def client_options(**settings: Any) -> dict[str, Any]:
    """What the clients of Kafka get."""
    return connection_of(Settings(kafka=Kafka(**settings)), SystemClock()).options()


class TestConnection:
    @pytest.mark.parametrize("protocol", ["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"])
    @pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-512", "OAUTHBEARER"])
    def test_names_are_those_of_kafka_python(self, protocol: str, mechanism: str) -> None:
        """Every client knows every option."""
        options = client_options(security_protocol=protocol, sasl_mechanism=mechanism, **SECURE)

        assert options.keys() <= client_names()

    def test_plaintext(self) -> None:
        """Nothing about secrets where none are needed."""
        options = client_options(bootstrap_servers=("a:1", "b:2"))

        assert ["a:1", "b:2"] == options["bootstrap_servers"]
        assert "PLAINTEXT" == options["security_protocol"]
        assert not [name for name in options if name.startswith(("ssl_", "sasl_"))]

    def test_sasl_ssl(self) -> None:
        """Passwords in plain text, for the client alone."""
        chosen = {"security_protocol": "SASL_SSL", "sasl_mechanism": "SCRAM-SHA-256"}
        options = client_options(**chosen, **SECURE)

        assert {"sasl_mechanism": "SCRAM-SHA-256", "sasl_plain_password": "p"}.items() <= (
            options.items()
        )
        assert {"ssl_cafile": "ca", "ssl_password": "k", "ssl_check_hostname": True}.items() <= (
            options.items()
        )

    def test_host_names_need_not_be_checked(self) -> None:
        """Where somebody says so."""
        options = client_options(security_protocol="SSL", tls_check_hostname=False)

        assert options["ssl_check_hostname"] is False

    def test_oauth(self) -> None:
        """The tokens are those of the token endpoint, the password is not handed on."""
        chosen = {"security_protocol": "SASL_SSL", "sasl_mechanism": "OAUTHBEARER"}
        nowhere = {"oauth_token_url": "https://127.0.0.1:1/token", "oauth_client_id": "coral"}
        options = client_options(**chosen, **nowhere, oauth_client_secret=Secret("s"), **SECURE)

        with pytest.raises(TokenError, match="no access token from https://127"):
            options["sasl_oauth_token_provider"].token()
        assert options["sasl_plain_password"] is None


class TestCommands:
    def test_run(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """The daemon does not start with a wrong configuration, and names all that is wrong."""
        file = tmp_path / "coral.toml"
        file.write_text("[state]\nkeep = 0\n[kafka]\ngroup = 'x'")
        code = main(["run", "--config", str(file), "--set", "log.level=loud"])
        told = capsys.readouterr().err

        assert Exit.INVALID == code
        assert [True] * 3 == [key in told for key in ("state.keep", "kafka.group", "log.level")]

    def test_check(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Sound is 0, unsound is 3 with every problem on standard error."""
        file = tmp_path / "coral.toml"
        file.write_text("[log]\nlevel = 'info'")
        assert main(["config", "check", str(file)]) == Exit.OK
        assert "sound" in capsys.readouterr().out
        assert main(["config", "check"]) == Exit.OK
        assert "No FILE was given" in capsys.readouterr().out
        monkeypatch.setenv("CORAL_LOG__LEVEL", "loud")
        assert main(["config", "check", str(file), "--set", "state.keep=0"]) == Exit.INVALID
        told = capsys.readouterr()
        assert "" == told.out
        assert "CORAL_LOG__LEVEL: one of debug" in told.err
        assert "--set state.keep: integer >= 1" in told.err

    def test_print(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """Set values with their source; with --effective all of them."""
        file = tmp_path / "coral.toml"
        file.write_text("[log]\nlevel = 'error'")
        assert main(["config", "print", str(file)]) == Exit.OK
        assert '[log]\nlevel = "error"  # coral.toml:log.level\n' == capsys.readouterr().out
        assert main(["config", "print", str(file), "--effective"]) == Exit.OK
        printed = capsys.readouterr().out
        assert 'group_id = "coral"  # default' in printed
        assert "error" == tomllib.loads(printed)["log"]["level"]

    def test_schema(self, capsys: pytest.CaptureFixture[str]) -> None:
        """The same as in the package."""
        assert main(["config", "schema"]) == Exit.OK
        assert capsys.readouterr().out == SCHEMA.read_text()


class TestStart:
    @pytest.mark.parametrize("text", ["soon", "-2", "2h", "2026-11-22", "2026-11-22T12:40:00", ""])
    def test_neither_end_nor_time(self, text: str) -> None:
        with pytest.raises(SettingsError, match=r"input\.start"):
            load(None, {}, [f"input.start={text}"])

    def test_a_day_that_there_is_not(self) -> None:
        with pytest.raises(SettingsError, match=r"input\.start: time expected \(.*month"):
            load(None, {}, ["input.start=2026-13-41T12:40:00Z"])

    @pytest.mark.parametrize(
        ("text", "start"),
        [
            ("earliest", "earliest"),
            ("latest", "latest"),
            ("-90s", 10.0),
            ("-1d", 0.0),
            ("1970-01-01T01:00:07.5+01:00", 7.5),
        ],
    )
    def test_what_it_means(self, text: str, start: object) -> None:
        """At 100 s after the beginning of unix time."""
        settings = load(None, {}, [f"input.start={text}"]).settings
        assert start == start_of(settings.input.start, 100.0)
