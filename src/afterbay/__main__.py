"""``afterbay`` and ``python -m afterbay``: the command line."""

import signal

__all__ = ["main"]


def main() -> None:
    """Load the command line, and run it. Ctrl-C while it loads ends the process as SIGTERM does, without a word: Python
    would tell at which import it was. Where the caller has it ignored, it stays ignored."""
    heard = signal.getsignal(signal.SIGINT)
    if heard is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from afterbay.cli.main import main as command_line

    signal.signal(signal.SIGINT, heard)
    command_line()


if __name__ == "__main__":
    main()
