"""Driver of the engine over Kafka: one member of a consumer group."""
