"""`python -m deltawire`, and the command `deltawire`."""

import signal
import sys


def run() -> None:
    """Run the command line; an interrupt during the imports causes no traceback."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from deltawire.cli.main import app_for, main

    app_for(sys.argv[1:])  # what the command needs is imported now
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    main()


if __name__ == "__main__":
    run()
