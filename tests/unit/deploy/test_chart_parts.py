"""The parts of the Helm chart: pods, network, monitoring, scaling, topics."""

import hashlib
import re
from pathlib import Path

import pytest
import yaml
from charts import (
    BROKERS,
    CASES,
    PASSWORD,
    ROOT,
    TOKEN,
    Case,
    Object,
    configuration,
    loaded,
    of_kind,
    only,
    rendered,
    variables,
)

from coral.cli.topics import needed


class TestPods:
    """What a replica is."""

    def test_the_name_of_a_pod_is_its_instance(self) -> None:
        """It outlives the pod, as exactly-once needs it."""
        pod = only(rendered(CASES["least"]), "StatefulSet")["spec"]["template"]["spec"]
        assert "<metadata.name>" == variables(pod)["CORAL_STATE__INSTANCE"]

    def test_a_change_of_the_configuration_rolls(self) -> None:
        """By a checksum of the text."""

        def checksum(config: str) -> str:
            template = only(rendered(Case(config)), "StatefulSet")["spec"]["template"]
            return str(template["metadata"]["annotations"]["checksum/config"])

        assert hashlib.sha256(BROKERS.encode()).hexdigest() == checksum(BROKERS)
        assert checksum(BROKERS) != checksum(BROKERS + "\n[log]\nlevel = 'debug'\n")

    @pytest.mark.parametrize(
        "config",
        [BROKERS, f"\n  {BROKERS}", f"# {{{{ .Values }}}} ä €\n{BROKERS}\t"],
        ids=["plain", "indented", "braces and letters"],
    )
    def test_the_configuration_is_handed_on_as_it_is(self, config: str) -> None:
        """Byte by byte."""
        assert {"coral.toml": config} == configuration(rendered(Case(config)))

    def test_replicas_do_not_wait_for_each_other(self) -> None:
        """One that is behind is not ready; those that would help it are started all the same."""
        spec = only(rendered(CASES["least"]), "StatefulSet")["spec"]
        assert ("Parallel", 2) == (spec["podManagementPolicy"], spec["replicas"])

    def test_there_is_time_to_store_everything(self) -> None:
        """The daemon ends within 25 s of SIGTERM, at the latest."""
        pod = only(rendered(CASES["least"]), "StatefulSet")["spec"]["template"]["spec"]
        assert pod["terminationGracePeriodSeconds"] > 25

    def test_state_in_kafka_needs_no_volume(self, tmp_path: Path) -> None:
        """Unless the configuration says otherwise."""
        objects = rendered(CASES["least"])
        assert "kafka" == loaded(objects, tmp_path).state.store
        assert "volumeClaimTemplates" not in only(objects, "StatefulSet")["spec"]

    def test_state_in_a_volume(self, tmp_path: Path) -> None:
        """At the folder that is mounted."""
        objects = rendered(CASES["state in a volume"])
        spec, state = only(objects, "StatefulSet")["spec"], loaded(objects, tmp_path).state
        (claim,) = spec["volumeClaimTemplates"]
        (container,) = spec["template"]["spec"]["containers"]
        mounted = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
        assert "file" == state.store
        assert claim["metadata"]["name"] == mounted[state.directory]
        assert "fast" == claim["spec"]["storageClassName"]
        assert {"storage": "5Gi"} == claim["spec"]["resources"]["requests"]

    def test_secrets_are_files(self, tmp_path: Path) -> None:
        """Beside the configuration, and read from there."""
        held = loaded(rendered(CASES["tls, log-in, ingress"]), tmp_path).kafka
        assert held.sasl_password is not None
        assert "sixteen-letters-or-more" == held.sasl_password.reveal()
        assert f"{tmp_path}/kafka.tls_ca_file" == held.tls_ca_file


class TestNetwork:
    """Who talks to whom."""

    def ports(self, case: Case) -> set[tuple[int, str]]:
        """Where pods may connect to."""
        policy = only(rendered(case), "NetworkPolicy")["spec"]
        return {
            (port["port"], port.get("protocol", "TCP"))
            for rule in policy["egress"]
            for port in rule["ports"]
        }

    def test_brokers_and_names_alone(self) -> None:
        """At the ports that the configuration names."""
        dns = {(53, "TCP"), (53, "UDP")}
        assert dns | {(9092, "TCP"), (9093, "TCP")} == self.ports(CASES["least"])
        assert dns | {(9093, "TCP"), (8443, "TCP")} == self.ports(CASES["oauth"])
        assert dns | {(9092, "TCP")} == self.ports(
            Case('[kafka]\nbootstrap_servers = ["kafka", "[2001:db8::7]:9092"]\n')
        )

    def test_who_is_told(self) -> None:
        """Alertmanager at its port; a webhook at that of its scheme, be it a secret or not."""
        told = {(9094, "TCP"), (80, "TCP"), (443, "TCP")}
        assert told == self.ports(CASES["told over http"]) - self.ports(CASES["least"])

    def test_this_namespace_and_who_else_is_named(self) -> None:
        """May ask for metrics and page."""
        (closed,) = only(rendered(CASES["least"]), "NetworkPolicy")["spec"]["ingress"]
        (named,) = only(rendered(CASES["network"]), "NetworkPolicy")["spec"]["ingress"]
        ours: Object = {"podSelector": {}}
        assert [ours] == closed["from"]
        assert [ours, *CASES["network"].values["networkPolicy"]["from"]] == named["from"]

    def test_further_rules(self) -> None:
        """As they are."""
        rules = only(rendered(CASES["network"]), "NetworkPolicy")["spec"]["egress"]
        assert CASES["network"].values["networkPolicy"]["egress"] == rules[-1:]

    def test_the_page_has_an_address(self) -> None:
        """With a certificate."""
        spec = only(rendered(CASES["tls, log-in, ingress"]), "Ingress")["spec"]
        assert [{"hosts": ["coral.example.com"], "secretName": "coral-tls"}] == spec["tls"]
        assert "nginx" == spec["ingressClassName"]
        (path,) = only(rendered(CASES["behind a prefix"]), "Ingress")["spec"]["rules"][0]["http"][
            "paths"
        ]
        assert "/coral" == path["path"]


class TestMonitoring:
    """What Prometheus and Grafana find."""

    def test_only_where_its_kinds_are_known(self) -> None:
        """A cluster without the operator refuses them."""
        kinds = {"ServiceMonitor", "PrometheusRule"}
        without = {made["kind"] for made in rendered(CASES["least"])}
        known = {made["kind"] for made in rendered(CASES["monitoring"])}
        assert (set(), kinds) == (kinds & without, kinds & known)

    def test_nothing_of_it(self) -> None:
        """If it is not wanted."""
        objects = rendered(CASES["no monitoring"])
        assert ["coral"] == [made["metadata"]["name"] for made in of_kind(objects, "ConfigMap")]
        assert not {"ServiceMonitor", "PrometheusRule"} & {made["kind"] for made in objects}

    def test_the_rules_and_the_dashboard(self) -> None:
        """Are those of the repository, templates of Prometheus and Grafana untouched."""
        objects = rendered(CASES["monitoring"])
        rules = yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerts.yaml").read_text())
        dashboard = of_kind(objects, "ConfigMap")[-1]
        assert rules == only(objects, "PrometheusRule")["spec"]
        assert (ROOT / "deploy" / "grafana" / "coral.json").read_text().strip() == dashboard[
            "data"
        ]["coral.json"].strip()

    def test_a_token_is_sent(self) -> None:
        """Where CORAL asks for one, and under the prefix."""
        (endpoint,) = only(rendered(CASES["behind a prefix"]), "ServiceMonitor")["spec"][
            "endpoints"
        ]
        assert "/coral/metrics" == endpoint["path"]
        assert {"credentials": TOKEN["http.token"]} == endpoint["authorization"]


class TestScaling:
    """KEDA's part."""

    def test_a_trigger_for_each_topic(self) -> None:
        """By the lag of the group that the daemon joins."""
        objects = rendered(CASES["scaled"])
        spec = only(objects, "ScaledObject")["spec"]
        told = [trigger["metadata"] for trigger in spec["triggers"]]
        assert {"otlp", "a.b"} == {each["topic"] for each in told}
        assert {"coral"} == {each["consumerGroup"] for each in told}
        assert {"kafka-0.kafka:9092,kafka-1.kafka:9093"} == {
            each["bootstrapServers"] for each in told
        }
        assert {"1000000"} == {each["lagThreshold"] for each in told}
        assert (2, 12) == (spec["minReplicaCount"], spec["maxReplicaCount"])

    def test_nobody_else_sets_the_number(self) -> None:
        """An upgrade does not put it back."""
        assert "replicas" not in only(rendered(CASES["scaled"]), "StatefulSet")["spec"]

    def test_its_log_in_is_that_of_the_pods(self, tmp_path: Path) -> None:
        """User name from a variable of theirs, password and certificate from the same Secrets."""
        objects = rendered(CASES["scaled with a log-in"])
        (trigger,) = only(objects, "ScaledObject")["spec"]["triggers"]
        spec = only(objects, "TriggerAuthentication")["spec"]
        assert ("scram_sha512", "enable") == (
            trigger["metadata"]["sasl"],
            trigger["metadata"]["tls"],
        )
        assert [PASSWORD["kafka.sasl_password"] | {"parameter": "password"}] == [
            each for each in spec["secretTargetRef"] if each["parameter"] == "password"
        ]
        (name,) = [each["name"] for each in spec["env"]]
        pod = only(objects, "StatefulSet")["spec"]["template"]["spec"]
        assert "watcher" == variables(pod)[name]
        assert "watcher" == loaded(objects, tmp_path).kafka.sasl_username


class TestStrimzi:
    """Topics and user, as resources."""

    def test_topics_are_what_the_command_makes(self, tmp_path: Path) -> None:
        """`coral topics create`, in every option."""
        objects = rendered(CASES["topics and user"])
        held = loaded(objects, tmp_path)
        expected = {
            spec.name: (
                spec.partitions,
                {**spec.config, "max.message.bytes": str(spec.max_message_bytes)},
            )
            for spec in needed(held, 12)
        }
        made = {
            each["spec"]["topicName"]: (each["spec"]["partitions"], each["spec"]["config"])
            for each in of_kind(objects, "KafkaTopic")
        }
        assert expected == made
        assert {"kafka"} == {
            each["metadata"]["namespace"] for each in of_kind(objects, "KafkaTopic")
        }

    def test_names_of_resources_are_names(self) -> None:
        """Those of topics may have capitals and underscores."""
        names = [
            each["metadata"]["name"]
            for each in of_kind(rendered(CASES["topics and user"]), "KafkaTopic")
        ]
        pattern = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
        assert [] == [name for name in names if not re.fullmatch(pattern, name)]

    def test_the_user_has_the_rights_that_are_asked_for(self, tmp_path: Path) -> None:
        """On topics, group and transactions."""
        objects = rendered(CASES["topics and user"])
        held = loaded(objects, tmp_path)
        user = only(objects, "KafkaUser")
        granted = {
            (acl["resource"]["type"], acl["resource"]["name"]): set(acl["operations"])
            for acl in user["spec"]["authorization"]["acls"]
        }
        asked = {
            ("topic", spec.name): {right.title() for right in spec.rights}
            for spec in needed(held, 1)
        }
        lacking = {on: rights - granted[on] for on, rights in asked.items() if rights - granted[on]}
        assert {} == lacking
        assert {"Read", "Describe"} == granted["group", held.kafka.group_id]
        assert {"Write", "Describe"} == granted["transactionalId", "coral-coral-"]
        assert "watcher" == user["metadata"]["name"]
        assert {"type": "scram-sha-512"} == user["spec"]["authentication"]

    def test_the_newer_api_where_it_is_known(self) -> None:
        """The older one ends."""
        newer, older = CASES["topics and user of Strimzi 1"], CASES["topics and user"]
        assert "kafka.strimzi.io/v1" == only(rendered(newer), "KafkaUser")["apiVersion"]
        assert "kafka.strimzi.io/v1beta2" == only(rendered(older), "KafkaUser")["apiVersion"]
