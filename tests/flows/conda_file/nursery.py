"""A nursery whose environment.yml takes packages from conda, and others from PyPI."""
import sys

from metaflow import FlowSpec, step


class NurseryFlow(FlowSpec):
    @step
    def start(self):
        import boto3
        import pear
        import requests

        self.pears = pear.VERSION
        self.one_prefix = all(
            module.__file__.startswith(sys.base_prefix) for module in (boto3, pear, requests)
        )
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    NurseryFlow()
