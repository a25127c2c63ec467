from bakery.mixins import Glazed, SeededFlow, SourdoughFlow


class BreadFlow(Glazed, SourdoughFlow, SeededFlow):
    pass


if __name__ == "__main__":
    BreadFlow()
