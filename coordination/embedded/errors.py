"""The one error of the embedded Postgres.

It is for the person who runs the service, not for an agent that calls a tool, so it stands outside the tree
of ``domain/errors.py``: a service that meets it at its start has nothing to answer with yet.
"""

WAY_OUT = "Or use a Postgres of your own: set DATABASE_URL=postgresql://user:password@host:5432/name."


class PostgresUnavailable(Exception):
    """The embedded Postgres cannot be started or kept here; the message says why and what to do instead.

    Attributes:
        reason: what is wrong, in plain words.
        output: the last lines that initdb or Postgres wrote, or "".
    """

    def __init__(self, reason: str, output: str = "") -> None:
        self.reason = reason
        self.output = output
        shown = f"\nIts last words:\n{output}" if output else ""
        super().__init__(f"The embedded Postgres cannot be used: {reason}{shown}\n{WAY_OUT}")
