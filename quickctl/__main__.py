"""`python -m quickctl`."""

from quickctl.app import app

app(prog_name="quickctl")
