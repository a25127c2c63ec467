"""Reads from S3, as flows do that only run where there is a bucket."""
from metaflow import S3, FlowSpec, step


class BucketFlow(FlowSpec):
    @step
    def start(self):
        with S3(s3root="s3://orchard/harvest") as s3:
            self.crates = s3.get("crates.csv").text
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    BucketFlow()
