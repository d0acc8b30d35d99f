"""What the control plane needs from outside, one module for each concern. `aws/` implements it, tests fake it."""
