import os

METAFLOW_PACKAGE_POLICY = "include"


def rate(country):
    with open(os.path.join(os.path.dirname(__file__), "vat.txt")) as file:
        return dict(line.split() for line in file)[country]
