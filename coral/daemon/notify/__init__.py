"""Who is told of incidents over HTTP: Alertmanagers and webhooks, each by a courier of its own."""
