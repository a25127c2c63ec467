from metaflow.cards import MetaflowCard


class HarvestCard(MetaflowCard):
    type = "harvest"

    def __init__(self, options={}, **kwargs):
        self.unit = options["unit"]

    def render(self, task):
        rows = ["<li>%s: %d %s" % (fruit, n, self.unit) for fruit, n in task["harvest"].data.items()]
        return "<ul>" + "".join(rows) + "</ul>"


CARDS = [HarvestCard]
