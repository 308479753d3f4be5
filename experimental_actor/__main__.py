"""`python -m velaria.experimental_actor`: what `velaria lane` starts."""

import sys

from velaria.experimental_actor.command_line import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
