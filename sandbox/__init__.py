"""An AWS organization in one process: what the control plane runs against here, and how users try it."""
