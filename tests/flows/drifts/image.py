"""Draws an image."""
from metaflow import FlowSpec, step


class ImageFlow(FlowSpec):
    @step
    def start(self):
        from PIL import Image

        self.plot = Image.new("RGB", (64, 48), "white")
        self.plot.putpixel((10, 20), (255, 0, 0))
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ImageFlow()
