"""The command line `sam3db`. ``docs/commands.md`` describes it for users.

Every command takes ``--json``: then one JSON object comes on standard output and nothing else. Progress and messages
go to standard error. Exit codes: 0 all went well, 1 some input failed (the rest is done and written), 2 the command
was wrong.

Imports stay inside the commands, so that `sam3db --help` answers at once.
"""

from __future__ import annotations

from native_runtime.cli.main import main, run

__all__ = ["main", "run"]
