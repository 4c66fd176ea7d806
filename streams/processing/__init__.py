"""The loop: poll, decode, align, handle, send, flush, checkpoint, commit."""
