"""`python -m coordination` is `coord`, for where the command is not on the PATH."""

from coordination.cli import main

if __name__ == "__main__":
    main()
