"""The oracle of the service: it decides from a recorded history whether the promises of leases were kept.

It judges what clients were told, what the database wrote down and what it held at the end. It runs nothing,
reads no database and knows none of the product's code: the overlap of paths, the conflict of leases and the
order of waiters are decided here a second time, from the design. A violation is reported only when it is
certain: whatever a lost answer or an unknown instant could excuse is excused.

    from tests.history.checker import judge, load, save
    for violation in judge(load(Path("run.jsonl"))): print(violation)

or ``python -m tests.history.checker run.jsonl`` (exit code 1 when something was violated).

Format
------
One JSON object a line, told apart by ``type``; the order of lines means nothing. Instants are Unix seconds
as numbers with microseconds kept. **Driver clock**: one clock of the driver for all its clients. **Database
clock**: what the database said. Left-out fields have their default; unknown fields are refused. Paths are
normalised conflict keys (the whole tree is ``.`` or the empty string). ``session`` is any text that names
one session of one workspace, such as ``local/demo``.

``header``: exactly one.
    - ``events`` (bool): the event rows are all here, from seq 1 on. Without them rules 8, 9 and half of 3 are
      not judged.
    - ``waiters`` (bool): every place that was ever in a queue has its ``waiter`` record. Without it rule 9 is
      not judged.
    - ``tasks`` (bool): every report on a task and every distribution is among the calls, and the ``task`` rows are
      all here. Without it, or without events, nothing is judged of tasks.
    - ``snapshot_at`` (database clock or null): when the ``lock`` and ``task`` rows and the events were read, in one
        snapshot
      after the last call had ended. Null: there is no snapshot and nothing is judged from it.
    - ``clock_offset`` (seconds): database clock minus driver clock; null when unknown. ``clock_error``
      (seconds): by how much the offset may be wrong.
    - ``notes``: free text, for example the seed.

``call``: what one client asked and heard.
    - ``id`` (int, unique), ``client`` (who called), ``session``, ``agent``, ``checkout`` (empty: unknown,
        which
      conflicts with all).
    - ``kind``: ``claim``, ``renew``, ``release``, ``revoke``; any other word (``sync``, ``status``) is judged
      only by its ``seqs``.
    - ``paths`` (none in a renewal or release: all of the agent's), ``operation`` (read, write, delete),
      ``ttl_seconds``, ``wait_seconds``; ``tokens``: path to token, as the caller sent them.
    - ``invoked`` and ``completed`` (driver clock); ``completed`` is null when no answer came.
    - ``outcome``: ``ok``; ``held`` (somebody is in the way, nothing was claimed); ``fail`` (an error that
      promises that nothing happened); ``unknown`` (it may have taken effect, once, at any time after
          ``invoked``,
      or never). ``code``: the error's code.
    - ``at`` (database clock or null): when the database carried it out, if the answer tells.
    - ``leases``: with ``ok`` one per path; of a claim or renewal what is now held, of a release or revoke
        what
      was given up.
    - ``seqs``: numbers of the events that the answer says it wrote.
    - ``report``: the ``task`` and the ``status`` that a ``sync`` reported (null: none). ``offered``: the task that its
      answer names as the agent's next one.
    - ``plan``: what a ``distribute`` handed out: its ``id``, and ``depends_on``, for each of its tasks those that the
      planner wants completed before.

A lease, in calls, events and the lock table: ``path``, ``token`` (int), ``operation``, ``checkout``,
``granted_at`` and ``expires_at`` (database clock). An acknowledged claim has both instants (with events the
first may be null), a renewal at least the second. A lease that is claimed again keeps its token and ``granted_at``.

``event``: one row of the event table.
    - ``session``, ``seq`` (from 1), ``kind``, ``created_at`` (database clock).
    - ``agent``: whose lease it is, also when somebody else revoked it or found it expired.
    - ``leases``: as above; a null ``granted_at`` means ``created_at``.
    - ``call``: id of the call that wrote it, when the driver can tell.
    - ``task``: of ``task.*`` the task. ``plan`` and ``kept``: of ``plan.distributed`` the plan's id, and which of its
      tasks it says had started before.
    - Kinds that matter: ``lock.claimed`` (``lock.upgraded``), ``lock.renewed``, ``lock.released``,
        ``lock.revoked``,
      ``lock.expired``. A claim writes one event for all its paths or several with one ``created_at``. A new
          grant
      to the same agent on the same path and checkout ends the former one without an event of its own.

``waiter``: one place in the queue of a session.
    - ``session``, ``ticket`` (int, order of arrival), ``agent``, ``checkout``, ``paths``, ``operation``,
      ``enqueued_at`` (database clock).
    - ``live``: list of ``[from, until]`` in which it was certainly waiting: its call open, its place
        refreshed.
    - ``kept``: list of ``[from, until]`` in which nobody waited but the place was certainly kept, so that it had
      to be respected all the same.
    - ``granted_at``, ``left_at`` (null: neither happened).
    - ``dead_after``: from here on it was certainly not live (null: unknown).

``fault``: ``from_`` and ``until`` (database clock, recovery included), ``target``. In it nobody is certainly
live.

``reader``: what one reader of events saw.
    - ``id``, ``session``, ``after``: the cursor with which it began.
    - ``seqs``: in the order seen; what it asked for again after a lost answer counts once.
    - ``until``: the number that it must have reached (null: as far as it got). ``kinds``: which it asked for
      (null: all).
    - ``told``: for each of ``seqs`` the kind and ``created_at`` that it was told (null: not noted).
    - ``way``: how it read, and ``resumed``: how often it was broken off and went on. For whoever asks what a run did.

``lock``: one row of the lock table at ``snapshot_at``: ``session``, ``agent``, ``lease``. Expired rows may
be there.

``task``: one row of the table of tasks at ``snapshot_at``: ``session``, ``id``, ``status``, and the ``agent`` that has
it or had it last.
"""

from tests.history.checker.recorder import Recorder
from tests.history.checker.records import (
    AskedPlan,
    Call,
    Event,
    Fault,
    Header,
    History,
    Lease,
    LockRow,
    Reader,
    TaskReport,
    TaskRow,
    Waiter,
)
from tests.history.checker.storage import load, save
from tests.history.checker.verdict import Limits, Rule, Violation, judge

__all__ = [
    "AskedPlan",
    "Call",
    "Event",
    "Fault",
    "Header",
    "History",
    "Lease",
    "Limits",
    "LockRow",
    "Reader",
    "Recorder",
    "Rule",
    "TaskReport",
    "TaskRow",
    "Violation",
    "Waiter",
    "judge",
    "load",
    "save",
]
