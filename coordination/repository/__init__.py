"""What we know about a repository on the user's disk: git, files and imports. It only reads there."""
