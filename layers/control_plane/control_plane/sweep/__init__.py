"""The sweep: compare the whole organization with everything of ours, and have looked at whatever differs."""
