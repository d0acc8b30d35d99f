"""The product's sandbox: an AWS organization in one process (`sandbox.aws`) and the product in it (everything else)."""

import os
import sys
from pathlib import Path

from sandbox import interpreter

interpreter.check()
os.environ.pop("AWS_PROFILE", None)  # of the real AWS: botocore would look for it, and fail if it is not there

# The product's layer can be imported, as in Lambda, where it lies in /opt/python.
_LAYER = str(Path(__file__).parent.parent / "layers" / "control_plane")
if _LAYER not in sys.path:
    sys.path.insert(0, _LAYER)
