"""Checks that Metaflow flows can be rebuilt, rerun and give the same results."""
