from metaflow import FlowSpec, secrets, step


class VaultFlow(FlowSpec):
    @secrets(sources=["our-vault.token"])
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    VaultFlow()
