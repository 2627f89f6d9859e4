"""The operators' commands against the running stack: `python -m infra.local.manage issues`."""

from __future__ import annotations

import json
import os
import sys

from chalicelib.commands import main
from infra.local.layout import Layout
from infra.local.recovery import complaint

if __name__ == "__main__":
    layout = Layout()
    if wrong := complaint(layout):
        print(wrong, file=sys.stderr)
    if not layout.stack_file.exists():
        sys.exit(2)
    stack = json.loads(layout.stack_file.read_text())
    os.environ.update(stack["environment"], TWINLEDGER_API_URL=stack["api_url"])
    sys.exit(main(sys.argv[1:]))
