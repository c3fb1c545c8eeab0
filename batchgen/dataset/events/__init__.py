"""events.jsonl: the log of what a run decides, and following it."""
