import os

from metaflow import (
    FlowSpec,
    airflow_external_task_sensor,
    airflow_s3_key_sensor,
    batch,
    current,
    environment,
    exit_hook,
    kubernetes,
    pytorch_parallel,
    resources,
    retry,
    step,
    trigger_on_finish,
)


def announce(run):
    with open("announced.txt", "w") as file:
        file.write("%s %s" % (run.pathspec.split("/")[0], run.successful))


@airflow_external_task_sensor(external_dag_id="ingest")
@airflow_s3_key_sensor(bucket_key="s3://lake/ready")
@trigger_on_finish(flow="SensorFlow")
@exit_hook(on_success=[announce])
class CloudFlow(FlowSpec):
    @batch(cpu=2, image="example.org/prepare:3", queue="night")
    @step
    def start(self):
        self.where = current.tempdir is None
        self.next(self.train, num_parallel=2)

    @pytorch_parallel
    @kubernetes(image="example.org/train:7", cpu=4, memory=16000, gpu=1, disk=5000)
    @resources(cpu=8, memory=32000)
    @retry(times=1)
    @environment(vars={"EPOCHS": "3"})
    @step
    def train(self):
        self.loss = 1 / int(os.environ["EPOCHS"]) + current.parallel.node_index
        self.world = os.environ["WORLD_SIZE"]
        self.next(self.pick)

    @step
    def pick(self, inputs):
        self.best = min(one.loss for one in inputs)
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    CloudFlow()
