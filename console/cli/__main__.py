"""``python -m console.cli``: how jobs are started beside the screen (design §5)."""

import sys

from console.cli import main

if __name__ == "__main__":
    sys.exit(main())
