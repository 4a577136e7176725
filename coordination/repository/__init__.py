"""What the service knows about a repository on the user's disk: git, files and imports. It reads, and writes nothing."""
