"""What a person reads of events: texts, documents, plots."""
