"""`deals`: the command line. Command bodies import the service lazily, so that `--help` is quick."""
