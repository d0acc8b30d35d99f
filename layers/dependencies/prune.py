"""Keep of botocore's data only the services the functions call: 16 MB less to unzip at each cold start."""

import shutil
import sys
from pathlib import Path

SERVICES = {"cloudformation", "dynamodb", "iam", "organizations", "quicksight", "sns", "stepfunctions", "sts"}

data = Path(sys.argv[1]) / "botocore" / "data"
for folder in data.iterdir():
    if folder.is_dir() and folder.name not in SERVICES:
        shutil.rmtree(folder)
