"""The reference target: a small HTTP service whose capacity is known."""
