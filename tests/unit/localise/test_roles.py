"""Roles by published naming conventions."""

import pytest

from coral.localise.roles import Role, healthy_direction, role_of


@pytest.mark.parametrize(
    ("metric", "role"),
    [
        ("http.server.request.duration", Role.LATENCY),
        ("latency_p95", Role.LATENCY),
        ("http_request_duration_seconds", Role.LATENCY),
        ("TargetResponseTime", Role.LATENCY),
        ("p99", Role.LATENCY),
        ("http_requests_total", Role.TRAFFIC),
        ("RequestCount", Role.TRAFFIC),
        ("throughput", Role.TRAFFIC),
        ("http_request_errors_total", Role.ERROR),
        ("availability", Role.ERROR),
        ("HTTPCode_Target_5XX_Count", Role.ERROR),
        ("system.cpu.utilization", Role.OTHER),
        ("cpu_p95", Role.OTHER),
        ("process_resident_memory_bytes", Role.OTHER),
        ("system.cpu.load_average.1m", Role.OTHER),
        ("db.client.connections.usage", Role.WAITING),
        ("http.server.active_requests", Role.WAITING),
        ("queue_depth", Role.WAITING),
        ("jvm_threads_live", Role.WAITING),
        ("jvm_memory_pool_bytes", Role.OTHER),
        ("flow", Role.OTHER),
        ("", Role.OTHER),
    ],
)
def test_role_of_conventional_names(metric: str, role: Role) -> None:
    """OpenTelemetry, Prometheus and cloud names mean what their conventions say."""
    assert role_of(metric) is role


@pytest.mark.parametrize(
    ("metric", "direction"),
    [("latency", -1), ("errors_total", -1), ("success_rate", 1), ("cpu", 0), ("requests", 0)],
)
def test_healthy_direction(metric: str, direction: int) -> None:
    """Less latency, fewer errors and more success are better; of the rest nothing is known."""
    assert healthy_direction(metric) == direction
