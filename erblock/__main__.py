"""`python -m erblock` is the same as `erblock`."""

from erblock.cli.app import main

if __name__ == "__main__":
    main()
