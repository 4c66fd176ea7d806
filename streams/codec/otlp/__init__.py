"""OpenTelemetry metrics, as JSON and as protocol buffers."""
