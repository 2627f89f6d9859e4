"""The operators' commands against the running stack: `python -m infra.local.manage issues`."""

from __future__ import annotations

import json
import os
import sys

from chalicelib.commands import main
from infra.local.layout import Layout

if __name__ == "__main__":
    stack_file = Layout().stack_file
    if not stack_file.exists():
        sys.exit("the stack is not up: run `make up`")
    os.environ.update(json.loads(stack_file.read_text())["environment"])
    sys.exit(main(sys.argv[1:]))
