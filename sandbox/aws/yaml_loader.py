"""The fastest safe loader PyYAML has here: libyaml's where PyYAML was built with it, as all of its wheels are."""

from typing import Any

import yaml

SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
