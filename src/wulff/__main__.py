"""`python -m wulff`: the command line."""

from wulff.cli import main

if __name__ == "__main__":
    main()
