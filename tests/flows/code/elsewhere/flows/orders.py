import os
import sys

sys.path.append(os.path.join(os.path.dirname(__file__), "..", "lib"))

from stock import StockFlow


class OrdersFlow(StockFlow):
    pass


if __name__ == "__main__":
    OrdersFlow()
