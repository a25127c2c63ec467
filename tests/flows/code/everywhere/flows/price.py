import os
import sys

from metaflow import FlowMutator, FlowSpec, package_sources, step
from metaflow.packaging_sys import ContentType

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(HERE, "..", "pricing"))

import rates


class with_base_price(FlowMutator):
    def add_to_package(self):
        path = os.path.join(HERE, "..", "pricing", "base-price.txt")
        yield path, "tariffs/today.txt", ContentType.USER_CONTENT


@with_base_price
@package_sources("../discounts")
class PriceFlow(FlowSpec):
    @step
    def start(self):
        self.vat = {country: rates.rate(country) for country in ("de", "fr")}
        self.next(self.end)

    @step
    def end(self):
        from discounts.seasons import discount

        with open(os.path.join(HERE, "tariffs", "today.txt")) as file:
            self.base = int(file.read())
        self.price = self.base * (100 - discount(7)) // 100


if __name__ == "__main__":
    PriceFlow()
