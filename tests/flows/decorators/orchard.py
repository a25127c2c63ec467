from metaflow import FlowSpec, Run, card, current, retry, step
from metaflow.cards import Markdown, Table, get_cards


class OrchardFlow(FlowSpec):
    @card(type="blank", id="prices")
    @card
    @card(type="harvest", options={"unit": "kg"})
    @retry(times=1)
    @step
    def start(self):
        self.harvest = {"apples": 120, "pears": 80}
        current.card["prices"].append(Markdown("# Prices"))
        current.card["prices"].append(Table([[name, n] for name, n in self.harvest.items()]))
        self.next(self.end)

    @card(type="blank")
    @card(type="blank")
    @step
    def end(self):
        self.total = sum(self.harvest.values())
        start = Run("OrchardFlow/" + current.run_id)["start"].task
        self.attached = sorted(one.type for one in get_cards(start))


if __name__ == "__main__":
    OrchardFlow()
