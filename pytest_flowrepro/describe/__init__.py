"""Metaflow's own description of a flow: graph, decorators, parameters, files."""
