"""The steps of a reconcile. Each one reads the current state first and then changes only what differs."""
