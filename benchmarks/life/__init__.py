"""A system's life: a seeded simulator of a microservice system, and CORAL's score on it."""
