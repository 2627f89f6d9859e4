"""Commands for operators: `python manage.py --help`."""

import sys

from chalicelib.commands import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
