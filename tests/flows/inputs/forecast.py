"""Forecasts the sales of a shop from what it is told in every way that Metaflow knows."""
import os

from metaflow import (
    Config,
    FlowSpec,
    IncludeFile,
    JSONType,
    Parameter,
    config_expr,
    environment,
    secrets,
    step,
)


def season(context):
    return "winter" if context.flow_name == "ForecastFlow" else "none"


def read_rates(text):
    pairs = (line.split("=") for line in text.splitlines())
    return {name.strip(): float(rate) for name, rate in pairs}


class ForecastFlow(FlowSpec):
    region = Parameter("shop-region", required=True, help="no default: every run says it")
    horizon_days = Parameter("days", default=7)
    weights = Parameter("weights", type=JSONType, default='{"mon": 1, "sun": 2.5}')
    season = Parameter("season", default=season)
    model = Config("model", default="settings/model.json")
    rates = Config("rates", default="settings/rates.txt", parser=read_rates)
    limits = Config("limits", default_value={"max": 100})
    banner = Config("banner", required=True, plain=True)
    notes = IncludeFile("notes", default="notes.txt", encoding="latin-1")
    logo = IncludeFile("logo", default="logo.bin", is_text=False)

    @environment(vars={"SHOP_MODE": config_expr("model.mode")})
    @secrets(
        sources=[
            {"type": "inline", "id": "till", "options": {"env_vars": {"TILL_USER": "till-7"}}}
        ]
    )
    @step
    def start(self):
        self.base = self.model.base * self.weights["sun"] * self.horizon_days
        self.price = self.base * self.rates["eur"]
        self.capped = min(self.price, self.limits.max)
        self.shout = self.banner.upper()
        self.words = len(self.notes.split())
        self.first_bytes = self.logo[:4]
        self.mode = os.environ["SHOP_MODE"]
        self.till = os.environ["TILL_USER"]
        self.currency = os.environ["CURRENCY"]
        token = os.environ["SHOP_TOKEN"]
        print("signed in with", token)
        self.session = {"token": token, "length": len(token)}
        self.next(self.end)

    @step
    def end(self):
        self.label = f"{self.region}/{self.season}"


if __name__ == "__main__":
    ForecastFlow()
