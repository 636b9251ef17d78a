"""One module for each thing a person can ask of `smilesim`.

Each has `add(commands)`, which declares its arguments, and `run(options)`, which does it and
returns the exit code; wrong usage raises SettingsError before anything has run.
"""

EXIT_PASS, EXIT_FAIL, EXIT_USAGE = 0, 1, 2
