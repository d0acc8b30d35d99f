"""The sweep: compare the whole organization with all our resources, and reconcile every account that differs."""
