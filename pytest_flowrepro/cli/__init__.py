"""The `flowrepro` command."""
