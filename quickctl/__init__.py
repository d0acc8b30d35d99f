"""`quickctl`, the operator's command line: what the registry, the machines and AWS say, and the answers people give.

It decides nothing itself. It reads through the adapters of control_plane/aws, and what it says of an account comes from
the same pure functions that the control plane uses.
"""
