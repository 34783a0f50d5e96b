"""What the tests share: databases, a daemon in the process, an oracle that reads the sandbox directly."""
