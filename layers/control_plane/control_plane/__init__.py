"""The control plane: an organization event in, a connected or quarantined account out; modules in data's order."""
