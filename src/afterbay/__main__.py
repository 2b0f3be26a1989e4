"""``python -m afterbay``: the command line."""

from afterbay.cli.main import main

if __name__ == "__main__":
    main()
