"""The options, and nothing more until `--flow-repro` switches the rest on."""
