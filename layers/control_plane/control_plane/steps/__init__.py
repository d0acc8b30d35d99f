"""What we do: ensure and revoke, each looking first and acting on the difference."""
